import { useEffect, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode, type UIEvent } from "react";

interface VirtualRowsProps<T> {
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  /** Height of each row, px: all are alike, so that a place in the list is a multiplication. */
  height: number;
  /** Cells of the head; drawn only where there is room for columns. */
  head: ReactNode;
  row: (item: T) => ReactNode;
  /** A click on a row, or Enter: it leads somewhere. */
  onOpen?: ((item: T) => void) | undefined;
  /** Near the end: more is wanted. */
  onEnd?: (() => void) | undefined;
}

/** Rows drawn above and below those in view. */
const MARGIN = 8;

/** A list of any length of which only what is in view, and a little more, is in the page. */
export function VirtualRows<T>({ label, items, keyOf, height, head, row, onOpen, onEnd }: VirtualRowsProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [room, setRoom] = useState(600);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      setRoom(element.clientHeight);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);

  const first = Math.max(0, Math.floor(top / height) - MARGIN);
  const last = Math.min(items.length, Math.ceil((top + room) / height) + MARGIN);
  const nearEnd = last >= items.length - MARGIN;
  useEffect(() => {
    if (nearEnd) onEnd?.();
  }, [nearEnd, items.length, onEnd]);

  return (
    <div
      ref={box}
      className="virtual"
      role="table"
      aria-label={label}
      aria-rowcount={items.length + 1}
      tabIndex={0}
      onScroll={({ currentTarget }: UIEvent<HTMLDivElement>) => {
        // One drawing for each row that passes, not for each pixel.
        const now = Math.floor(currentTarget.scrollTop / height) * height;
        if (now !== top) setTop(now);
      }}
    >
      <div role="rowgroup" className="virtual-head">
        <div role="row" className="virtual-row" aria-rowindex={1}>
          {head}
        </div>
      </div>
      <div role="rowgroup" style={{ paddingTop: first * height, paddingBottom: (items.length - last) * height }}>
        {items.slice(first, last).map((item, i) => (
          <div key={keyOf(item)} role="row" className="virtual-row" aria-rowindex={first + i + 2} style={{ height }} data-row tabIndex={-1} {...opening(onOpen, item)}>
            {row(item)}
          </div>
        ))}
      </div>
    </div>
  );
}

/** A row that leads somewhere does so as a whole; its links and buttons act for themselves. */
function opening<T>(onOpen: ((item: T) => void) | undefined, item: T) {
  if (onOpen === undefined) return {};
  const own = (target: EventTarget): boolean => target instanceof Element && target.closest("a, button") !== null;
  return {
    "data-opens": true,
    onClick: ({ target }: MouseEvent) => {
      if (!own(target)) onOpen(item);
    },
    onKeyDown: ({ key, target }: KeyboardEvent) => {
      if (key === "Enter" && !own(target)) onOpen(item);
    },
  };
}
