import type { Loudspeaker } from "./player";
import type { Side } from "./types";

/** One's own voice and the reply stand apart without hurting in headphones: how loud each is in the other's ear. */
const NEAR = 0.8;
const FAR = 0.5;

/** The browser's audio element, with a desk behind it that mixes the two sides. */
export function openLoudspeaker(): { loudspeaker: Loudspeaker; only: (side: Side | null) => void; unlock: () => void } {
  const audio = new Audio();
  let desk: Desk | null = null;
  let wanted: Side | null = null;
  return {
    loudspeaker: audio,
    only: (side) => {
      wanted = side;
      desk?.only(side);
    },
    // In the tap itself: browsers let no sound out before.
    unlock: () => {
      desk ??= new Desk(audio);
      desk.only(wanted);
      void desk.context.resume();
    },
  };
}

class Desk {
  readonly context = new AudioContext();
  readonly #gains: { side: Side; near: boolean; gain: GainNode }[] = [];

  constructor(audio: HTMLAudioElement) {
    const apart = this.context.createChannelSplitter(2);
    const together = this.context.createChannelMerger(2);
    this.context.createMediaElementSource(audio).connect(apart);
    (["you", "reply"] as const).forEach((side, channel) => {
      for (const ear of [0, 1]) {
        const gain = this.context.createGain();
        apart.connect(gain, channel);
        gain.connect(together, 0, ear);
        this.#gains.push({ side, near: ear === channel, gain });
      }
    });
    together.connect(this.context.destination);
  }

  /** Null: both sides. One alone is in the middle. */
  only(wanted: Side | null): void {
    for (const { side, near, gain } of this.#gains) gain.gain.value = wanted === null ? (near ? NEAR : FAR) : side === wanted ? 1 : 0;
  }
}
