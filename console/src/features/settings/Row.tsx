import { useId, type ReactNode } from "react";

interface RowProps {
  label: string;
  note?: string | undefined;
  /** Given the id of the label and of the note. */
  children: (labelled: string, described: string) => ReactNode;
}

/** A name, its control, and what it does. */
export function Row({ label, note, children }: RowProps) {
  const id = useId();
  return (
    <div className="setting">
      <div className="setting-words">
        <span id={id}>{label}</span>
        {note !== undefined && (
          <span id={`${id}-note`} className="quiet setting-note">
            {note}
          </span>
        )}
      </div>
      <div className="setting-control">{children(id, `${id}-note`)}</div>
    </div>
  );
}
