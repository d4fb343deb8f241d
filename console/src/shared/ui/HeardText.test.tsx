// @vitest-environment happy-dom
import { act, cleanup, render } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";

import { HeardText } from "./HeardText";

afterEach(cleanup);

const marks = [
  { start: 0, at: 0 },
  { start: 2, at: 2400 },
  { start: 7, at: 4800 },
];

/** A reply whose progress the test sets; `heard` gives `data-heard` word by word. */
function reply(over: boolean, heardText: string | null) {
  const watchers = new Set<() => void>();
  const progress = { ms: 0 };
  const line = (done: boolean, text: string | null) => (
    <HeardText
      text="I will ring."
      marks={marks}
      rate={24_000}
      over={done}
      heardText={text}
      heardMs={() => progress.ms}
      lengthMs={() => 300}
      watch={(watcher) => {
        watchers.add(watcher);
        return () => watchers.delete(watcher);
      }}
      cutLabel="not heard"
    />
  );
  const { container, rerender } = render(line(over, heardText));
  return {
    container,
    heard: () => [...container.querySelectorAll<HTMLElement>(".word")].map((word) => word.dataset["heard"]),
    sounding: () => container.querySelector(".word-sounding")?.textContent,
    play: (ms: number) => {
      progress.ms = ms;
      for (const watcher of watchers) watcher();
    },
    end: (text: string) => {
      act(() => {
        rerender(line(true, text));
      });
    },
  };
}

describe("a reply's words", () => {
  it("turn from pending to heard as they leave the loudspeaker, without React", () => {
    const { heard, sounding, play } = reply(false, null);
    expect(heard()).toEqual(["pending", "pending", "pending"]);
    play(150);
    expect(heard()).toEqual(["true", "pending", "pending"]);
    expect(sounding()).toBe("will ");
    play(300);
    expect(heard()).toEqual(["true", "true", "true"]);
  });

  it("are struck where the server's count ends, and say so", () => {
    const { heard, play, end, container } = reply(false, null);
    play(210);
    end("I will");
    expect(heard()).toEqual(["true", "true", "false"]);
    expect(container.querySelector(".cut-mark")?.textContent).toContain("not heard");
    play(300);
    expect(heard()).toEqual(["true", "true", "false"]);
  });

  it("show no mark when all of it was heard", () => {
    const { heard, container } = reply(true, "I will ring.");
    expect(heard()).toEqual(["true", "true", "true"]);
    expect(container.querySelector(".cut-mark")).toBeNull();
  });
});
