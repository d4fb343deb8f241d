// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";

import { Lamp, type LampLook } from "./Lamp";

afterEach(cleanup);

/** A lamp that writes down what was done to it; `holds`: holding it means something. */
function lamp() {
  const done: string[] = [];
  const element = (look: LampLook, holds: boolean) => (
    <Lamp
      look={look}
      state={look}
      name="lamp"
      gain={1}
      input={() => 0}
      output={() => 0}
      data={() => ({ reply: 1, playedMs: 0, gaps: 0 })}
      onTap={() => done.push("tap")}
      {...(holds ? { onPress: () => done.push("press") } : {})}
      onRelease={() => done.push("release")}
    />
  );
  const shown = render(element("ready", true));
  const button = screen.getByRole("button");
  // happy-dom captures no pointers.
  button.setPointerCapture = button.releasePointerCapture = () => undefined;
  return { done, button, show: (look: LampLook, holds: boolean) => { shown.rerender(element(look, holds)); } };
}

describe("the lamp under a finger", () => {
  it("goes down and up, and the click that follows means nothing more", () => {
    const { done, button } = lamp();
    fireEvent.pointerDown(button, { button: 0, pointerId: 1 });
    fireEvent.pointerUp(button, { pointerId: 1 });
    fireEvent.click(button, { detail: 1 });
    expect(done).toEqual(["press", "release"]);
  });

  it("comes up again though the line went down in mid-hold", () => {
    const { done, button, show } = lamp();
    fireEvent.pointerDown(button, { button: 0, pointerId: 1 });
    show("reconnecting", false);
    fireEvent.pointerUp(button, { pointerId: 1 });
    fireEvent.click(button, { detail: 1 });
    expect(done).toEqual(["press", "release"]);
  });

  it("is tapped where holding means nothing, and by the keyboard anywhere", () => {
    const { done, button, show } = lamp();
    fireEvent.click(button, { detail: 0 });
    show("reconnecting", false);
    fireEvent.pointerDown(button, { button: 0, pointerId: 1 });
    fireEvent.click(button, { detail: 1 });
    expect(done).toEqual(["tap", "tap"]);
  });
});
