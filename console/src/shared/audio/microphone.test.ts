import { afterEach, describe, expect, it, vi } from "vitest";

import { Microphone } from "./microphone";
import { MicrophoneError, Superseded } from "./port";

interface Prompt {
  allow: () => void;
  refuse: (name: string) => void;
}

/** A browser whose permission prompts the test answers. */
function prompts(): { asked: Prompt[]; stopped: number[] } {
  const asked: Prompt[] = [];
  const stopped: number[] = [];
  const getUserMedia = (): Promise<MediaStream> =>
    new Promise((resolve, reject) => {
      const n = asked.length;
      const track = { label: `microphone ${n}`, stop: () => stopped.push(n), getSettings: () => ({}) };
      asked.push({
        allow: () => {
          resolve({ getAudioTracks: () => [track], getTracks: () => [track] } as unknown as MediaStream);
        },
        refuse: (name) => {
          reject(new DOMException("", name));
        },
      });
    });
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  return { asked, stopped };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("asking for a microphone", () => {
  it("says why there is none", async () => {
    const { asked } = prompts();
    const opening = new Microphone(() => undefined).open(null);
    asked[0]?.refuse("NotAllowedError");
    await expect(opening).rejects.toEqual(new MicrophoneError("denied"));
  });

  it("opens the one that was asked for last; the one before is superseded, whether it came or was refused", async () => {
    for (const answer of ["allow", "refuse"] as const) {
      const { asked, stopped } = prompts();
      const microphone = new Microphone(() => undefined);
      const first = microphone.open(null);
      const second = microphone.open(null);
      asked[0]?.[answer]("NotFoundError");
      asked[1]?.allow();
      await expect(first).rejects.toBeInstanceOf(Superseded);
      expect((await second).label).toBe("microphone 1");
      expect(stopped).toEqual(answer === "allow" ? [0] : []);
    }
  });

  it("is over when it was closed meanwhile", async () => {
    const { asked, stopped } = prompts();
    const microphone = new Microphone(() => undefined);
    const opening = microphone.open(null);
    microphone.close();
    asked[0]?.allow();
    await expect(opening).rejects.toBeInstanceOf(Superseded);
    expect(stopped).toEqual([0]);
    expect(microphone.stream).toBeNull();
  });
});
