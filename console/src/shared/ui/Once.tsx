import { CopyButton } from "./StateView";

/** A secret that is shown this once, easy to take away. */
export function Once({ text, label }: { text: string; label: string }) {
  return (
    <p className="once">
      <code>{text}</code>
      <CopyButton text={text} label={label} />
    </p>
  );
}
