import { Popover } from "antd";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode, type Ref } from "react";

export interface MenuItem {
  key: string;
  label: ReactNode;
  /** A link instead of a deed: made by a page's `href`. */
  to?: string;
  act?: () => void;
  danger?: boolean;
  disabled?: boolean;
}

interface MenuButtonProps {
  items: readonly MenuItem[];
  /** Stands above the items and is no item. */
  head?: ReactNode;
  placement?: "bottomRight" | "bottomLeft" | "topRight";
  /** Given what an opener has to carry; draws the button. */
  children: (opener: Opener) => ReactNode;
  onLink: (to: string) => void;
}

export interface Opener {
  ref: Ref<HTMLButtonElement>;
  onClick: () => void;
  "aria-expanded": boolean;
  "aria-haspopup": "menu";
}

/**
 * A button with a menu that takes the focus when it opens and gives it back, arrow keys included: Ant Design's own does
 * neither by itself, and its weight is that of a page.
 */
export function MenuButton({ items, head, placement = "bottomRight", children, onLink }: MenuButtonProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent): void => {
      const target = event.target as Node;
      if (menu.current?.contains(target) !== true && button.current?.contains(target) !== true) setOpen(false);
    };
    window.addEventListener("pointerdown", outside);
    return () => {
      window.removeEventListener("pointerdown", outside);
    };
  }, [open]);

  const keys = (event: KeyboardEvent): void => {
    const all = [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]:not([disabled])") ?? [])];
    const here = all.indexOf(document.activeElement as HTMLElement);
    const steps: Partial<Record<string, number>> = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 };
    const next = steps[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      close();
    } else if (next !== undefined) {
      event.preventDefault();
      all.at(next % all.length)?.focus();
    }
    event.stopPropagation();
  };

  const list = (
    <div ref={menu} onKeyDown={keys}>
      {head !== undefined && <div className="menu-head">{head}</div>}
      <div className="menu" role="menu">
        {items.map((item, i) => (
          <Item key={item.key} item={item} first={i === 0} onLink={onLink} onDone={close} />
        ))}
      </div>
    </div>
  );
  const opener: Opener = {
    ref: button,
    onClick: () => {
      setOpen(!open);
    },
    "aria-expanded": open,
    "aria-haspopup": "menu",
  };
  return (
    <Popover open={open} trigger={[]} placement={placement} arrow={false} content={open ? list : null} destroyOnHidden>
      {children(opener)}
    </Popover>
  );
}

interface ItemProps {
  item: MenuItem;
  first: boolean;
  onLink: (to: string) => void;
  onDone: () => void;
}

function Item({ item: { label, to, act, danger, disabled }, first, onLink, onDone }: ItemProps) {
  const own = useRef<HTMLElement>(null);
  useEffect(() => {
    // After the layer has found its place, else the page scrolls to where it is not.
    if (!first) return;
    const frame = requestAnimationFrame(() => own.current?.focus({ preventScroll: true }));
    return () => {
      cancelAnimationFrame(frame);
    };
  }, [first]);
  const className = danger === true ? "menu-item menu-danger" : "menu-item";
  if (to !== undefined)
    return (
      <a
        ref={own as Ref<HTMLAnchorElement>}
        role="menuitem"
        tabIndex={-1}
        className={className}
        href={to}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          onDone();
          onLink(to);
        }}
      >
        {label}
      </a>
    );
  return (
    <button
      ref={own as Ref<HTMLButtonElement>}
      type="button"
      role="menuitem"
      tabIndex={-1}
      className={className}
      disabled={disabled}
      onClick={() => {
        onDone();
        act?.();
      }}
    >
      {label}
    </button>
  );
}
