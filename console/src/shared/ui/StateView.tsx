import { CopyOutlined } from "@ant-design/icons";
import { Alert, Button } from "antd";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Problem } from "@/shared/api/problem";
import { useProblemText } from "./useProblemText";

/** What a query is at, as far as a page has to show it. */
export interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isFetching: boolean;
  dataUpdatedAt: number;
  refetch: () => unknown;
}

interface StateViewProps<T> {
  asked: Asked<T>;
  /** Rows of the skeleton: the final shape. */
  rows?: number;
  /** What is shown instead of the children when there is nothing. */
  empty?: { when: (data: T) => boolean; show: ReactNode };
  children: (data: T) => ReactNode;
}

/**
 * The states of a part that shows server data: nothing for 200 ms, then a skeleton; old content stays while it is asked
 * for again, and while there is no answer, with its age; a failure replaces only this part.
 */
export function StateView<T>({ asked, rows = 8, empty, children }: StateViewProps<T>) {
  const { data, error, isFetching } = asked;
  if (data === undefined) return error === null || error === undefined ? <Skeleton rows={rows} /> : <Failed error={error} onAgain={asked.refetch} />;
  return (
    <>
      {error !== null && error !== undefined && <Stale asked={asked} />}
      <div className="kept" data-dimmed={isFetching && error !== null ? true : undefined}>
        {empty?.when(data) === true ? empty.show : children(data)}
      </div>
    </>
  );
}

/** The shape of what is coming; only when it does not come at once. */
export function Skeleton({ rows }: { rows: number }) {
  const { t } = useTranslation("problems");
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setShown(true);
    }, QUIET_MS);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  if (!shown) return null;
  return (
    <div className="skeleton" role="status" aria-label={t("state.loading")}>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} style={{ width: `${92 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

const QUIET_MS = 200;

/** Only the failing part: what failed, what is kept, again, and what to tell whoever looks after the server. */
export function Failed({ error, onAgain }: { error: unknown; onAgain?: (() => unknown) | undefined }) {
  const { t } = useTranslation("problems");
  const words = useProblemText();
  return (
    <div className="failed" role="alert">
      <p>{words(error)}</p>
      <p className="failed-actions">
        {onAgain !== undefined && (
          <Button
            onClick={() => {
              onAgain();
            }}
          >
            {t("state.again")}
          </Button>
        )}
        {error instanceof Problem && <Reference problem={error} />}
      </p>
    </div>
  );
}

/** The same beside a form or a button, where nothing is replaced. */
export function Refusal({ error }: { error: unknown }) {
  const words = useProblemText();
  if (error === null || error === undefined) return null;
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={words(error)}
      {...(error instanceof Problem ? { description: <Reference problem={error} /> } : {})}
    />
  );
}

function Reference({ problem: { code, requestId } }: { problem: Problem }) {
  const { t } = useTranslation("problems");
  const text = requestId === null ? code : `${code} · ${requestId}`;
  return (
    <span className="reference">
      <code>{text}</code>
      <CopyButton text={text} label={t("state.copy")} />
    </span>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const { t } = useTranslation("problems");
  const [copied, setCopied] = useState(false);
  return (
    <Button
      size="small"
      type="text"
      icon={<CopyOutlined />}
      aria-label={label}
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setCopied(true);
        });
      }}
    >
      {copied ? t("state.copied") : ""}
    </Button>
  );
}

function Stale<T>({ asked: { error, dataUpdatedAt, refetch } }: { asked: Asked<T> }) {
  const { t, i18n } = useTranslation("problems");
  const words = useProblemText();
  const time = new Date(dataUpdatedAt).toLocaleTimeString(i18n.language, { hour: "2-digit", minute: "2-digit" });
  const offline = error instanceof Problem && error.status === 0;
  return (
    <Alert
      type={offline ? "info" : "warning"}
      showIcon
      title={offline ? t("state.offline", { time }) : `${words(error)} ${t("state.showing", { time })}`}
      action={
        <Button
          size="small"
          onClick={() => {
            refetch();
          }}
        >
          {t("state.again")}
        </Button>
      }
    />
  );
}

/** Why there is nothing, and one thing to do about it. */
export function Nothing({ words, children }: { words: string; children?: ReactNode }) {
  return (
    <div className="nothing">
      <p>{words}</p>
      {children}
    </div>
  );
}
