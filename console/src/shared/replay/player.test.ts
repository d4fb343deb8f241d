import { describe, expect, it } from "vitest";

import { ReplayPlayer } from "./player";

class Element extends EventTarget {
  currentTime = 0;
  playbackRate = 1;
  duration = 10;
  playing = false;
  #src = "";

  get src(): string {
    return this.#src;
  }

  set src(src: string) {
    this.#src = src;
    this.currentTime = 0;
    this.dispatchEvent(new Event(src.includes("bad") ? "error" : "loadedmetadata"));
  }

  play(): Promise<void> {
    this.playing = true;
    return Promise.resolve();
  }

  pause(): void {
    this.playing = false;
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function playing(load: (id: string) => Promise<string> = (id) => Promise.resolve(`blob:${id}`)) {
  const element = new Element();
  const released: string[] = [];
  const player = new ReplayPlayer({ loudspeaker: element, load, release: (address) => released.push(address) });
  player.setSpans([
    { id: "a", from: 20, to: 1020 },
    { id: "b", from: 5000, to: 7000 },
  ]);
  player.open();
  return { player, element, released };
}

describe("the player of a conversation", () => {
  it("goes to the very ms that was asked for, before and while it plays", async () => {
    const { player, element } = playing();
    player.seek(620);
    expect(player.at()).toBe(620);
    player.play();
    await settled();
    expect(element).toMatchObject({ src: "blob:a", currentTime: 0.6, playing: true });
    player.seek(5500);
    await settled();
    expect(element).toMatchObject({ src: "blob:b", currentTime: 0.5, playing: true });
    expect(player.at()).toBe(5500);
  });

  it("goes on with the next recording, and stops after the last", async () => {
    const { player, element } = playing();
    player.play();
    await settled();
    element.dispatchEvent(new Event("ended"));
    await settled();
    expect(element.src).toBe("blob:b");
    element.dispatchEvent(new Event("ended"));
    expect(player.store.getState().playing).toBe(false);
    expect(player.at()).toBe(7000);
  });

  it("stops where a part ends", async () => {
    const { player, element } = playing();
    player.playPart("reply", 120, 400);
    await settled();
    element.currentTime = 0.5;
    player.tick();
    expect(player.store.getState().playing).toBe(false);
    expect(player.at()).toBe(400);
  });

  it("passes over silence only where that is wished", async () => {
    const { player, element } = playing();
    player.setSilences([[300, 900]]);
    player.play();
    await settled();
    element.currentTime = 0.4;
    player.tick();
    expect(player.at()).toBe(420);
    player.skipSilence(true);
    player.tick();
    expect(player.at()).toBe(900);
  });

  it("says why there is no sound and can be asked again", async () => {
    let away = true;
    const { player, element } = playing((id) => (away ? Promise.reject(new Error("away")) : Promise.resolve(`blob:${id}`)));
    player.play();
    await settled();
    expect(player.store.getState()).toMatchObject({ playing: false, loading: false });
    expect(player.store.getState().problem).toBeInstanceOf(Error);
    away = false;
    player.play();
    await settled();
    expect(element.playing).toBe(true);
  });

  it("keeps what was asked last, whichever sound comes first", async () => {
    const waiting = new Map<string, (address: string) => void>();
    const { player, element } = playing((id) => new Promise((resolve) => waiting.set(id, resolve)));
    player.play();
    player.seek(5500);
    waiting.get("b")?.("blob:b");
    await settled();
    waiting.get("a")?.("blob:a");
    await settled();
    expect(element.src).toBe("blob:b");
    expect(player.at()).toBe(5500);
  });

  it("gives its sounds back when the page goes", async () => {
    const { player, released } = playing();
    player.play();
    await settled();
    player.close();
    expect(released).toEqual(["blob:a"]);
  });
});
