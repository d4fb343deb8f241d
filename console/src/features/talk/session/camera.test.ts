import { beforeEach, describe, expect, it, vi } from "vitest";

import { Camera } from "./camera";

/** A camera whose permission prompt the test answers. */
function devices() {
  const stopped: string[] = [];
  const prompts: ((name: string) => void)[] = [];
  const getUserMedia = (): Promise<MediaStream> =>
    new Promise((resolve) => {
      prompts.push((name) => {
        resolve({ getTracks: () => [{ stop: () => stopped.push(name) }] } as unknown as MediaStream);
      });
    });
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  return { stopped, prompts };
}

beforeEach(() => {
  vi.useFakeTimers();
  const element = { play: () => Promise.resolve(), srcObject: null, videoWidth: 0 };
  vi.stubGlobal("document", { createElement: () => element });
  return () => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  };
});

describe("the camera", () => {
  it("goes out when it is closed", async () => {
    const { stopped, prompts } = devices();
    const camera = new Camera(() => undefined);
    const opening = camera.open();
    prompts[0]?.("first");
    await opening;
    expect(vi.getTimerCount()).toBe(1);
    camera.close();
    expect(stopped).toEqual(["first"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("never goes on when it was closed during the prompt", async () => {
    const { stopped, prompts } = devices();
    const camera = new Camera(() => undefined);
    const opening = camera.open();
    camera.close();
    prompts[0]?.("first");
    await opening;
    expect(stopped).toEqual(["first"]);
    expect(camera.element.srcObject).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("keeps only the one that was asked for last", async () => {
    const { stopped, prompts } = devices();
    const camera = new Camera(() => undefined);
    const openings = [camera.open(), camera.open()];
    prompts[1]?.("second");
    prompts[0]?.("first");
    await Promise.all(openings);
    expect(stopped).toEqual(["first"]);
    expect(vi.getTimerCount()).toBe(1);
  });
});
