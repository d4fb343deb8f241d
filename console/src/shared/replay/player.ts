import { createStore, type StoreApi } from "zustand/vanilla";

import { placeOf, type Span } from "./timeline";
import type { Side } from "./types";

/** What is asked of the browser's own audio element. */
export interface Loudspeaker {
  src: string;
  currentTime: number;
  playbackRate: number;
  readonly duration: number;
  play: () => Promise<void>;
  pause: () => void;
  addEventListener: (type: "ended" | "error" | "loadedmetadata", listener: () => void) => void;
  removeEventListener: (type: "ended" | "error" | "loadedmetadata", listener: () => void) => void;
}

export interface PlayerState {
  /** Somebody has asked for it; while the sound is fetched, too. */
  playing: boolean;
  loading: boolean;
  rate: number;
  skipsSilence: boolean;
  /** Why there is no sound. */
  problem: unknown;
}

interface Parts {
  loudspeaker: Loudspeaker;
  /** An address that the loudspeaker can play, of one recording. */
  load: (recording: string) => Promise<string>;
  /** An address is not needed any more. */
  release: (address: string) => void;
  /** Only this side is to be heard; null: both. */
  only?: (side: Side | null) => void;
  /** In the tap that asks for sound. */
  unlock?: () => void;
}

export const RATES: readonly number[] = [0.75, 1, 1.25, 1.5, 2];
/** Recordings that stay in memory; an hour is 8 MB. */
const KEPT = 3;
/** The loudspeaker runs on between two looks at it: one frame of a slow page. */
const LATE_MS = 40;

/**
 * Several recordings of one conversation as one sound on the conversation's clock. Between them, where nothing was
 * recorded, it goes on with the next. Whoever draws calls `tick` for each frame while it plays.
 */
export class ReplayPlayer {
  readonly store: StoreApi<PlayerState>;
  readonly #parts: Parts;
  readonly #addresses = new Map<string, string>();
  readonly #watchers = new Set<() => void>();
  #spans: readonly Span[] = [];
  #silences: readonly [number, number][] = [];
  /** The recording that the loudspeaker has. */
  #loaded: string | null = null;
  /** Where it is to be, as long as the loudspeaker is not there; ms on the conversation's clock. */
  #wanted: number | null = 0;
  #until: number | null = null;
  #errand = 0;
  #gone = false;

  constructor(parts: Parts, rate = 1) {
    this.#parts = parts;
    this.store = createStore<PlayerState>()(() => ({ playing: false, loading: false, rate, skipsSilence: false, problem: null }));
  }

  /** Before anything else, and after `close` again. */
  open(): void {
    this.#gone = false;
    this.#parts.loudspeaker.addEventListener("ended", this.#ended);
  }

  /** A conversation that goes on gets more of them. */
  setSpans(spans: readonly Span[]): void {
    this.#spans = spans;
  }

  setSilences(silences: readonly [number, number][]): void {
    this.#silences = silences;
  }

  /** Where it is, ms on the conversation's clock. */
  at(): number {
    if (this.#wanted !== null) return this.#wanted;
    const span = this.#spans.find(({ id }) => id === this.#loaded);
    return span === undefined ? 0 : Math.min(span.to, span.from + this.#parts.loudspeaker.currentTime * 1000);
  }

  /** Called whenever `at` has changed. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  /** To a moment; it plays on if it was playing. */
  seek(ms: number): void {
    this.#until = null;
    this.#parts.only?.(null);
    this.#go(ms);
  }

  play(): void {
    if (this.#spans.length === 0) return;
    this.#parts.unlock?.();
    const end = this.#spans.at(-1)?.to ?? 0;
    if (this.at() >= end - 1) this.seek(this.#spans[0]?.from ?? 0);
    this.store.setState({ playing: true, problem: null });
    this.#go(this.at());
  }

  pause(): void {
    this.#until = null;
    this.#parts.only?.(null);
    this.store.setState({ playing: false });
    this.#parts.loudspeaker.pause();
  }

  toggle(): void {
    if (this.store.getState().playing) this.pause();
    else this.play();
  }

  /** From here to there and no further, of one side. */
  playPart(side: Side, from: number, to: number): void {
    this.#parts.unlock?.();
    this.store.setState({ playing: true, problem: null });
    this.#until = to;
    this.#parts.only?.(side);
    this.#go(from);
  }

  setRate(rate: number): void {
    this.store.setState({ rate });
    this.#parts.loudspeaker.playbackRate = rate;
  }

  /** The next faster or slower one. */
  stepRate(step: 1 | -1): void {
    const here = RATES.indexOf(this.store.getState().rate);
    this.setRate(RATES[Math.min(RATES.length - 1, Math.max(0, here + step))] ?? 1);
  }

  skipSilence(skipsSilence: boolean): void {
    this.store.setState({ skipsSilence });
  }

  /** Fetches what would be played first, so that the tap that plays it need not wait. */
  async prepare(): Promise<void> {
    const place = placeOf(this.#spans, this.at());
    const span = place === null ? undefined : this.#spans[place.index];
    if (span === undefined) return;
    await this.#address(span.id).catch(() => undefined);
  }

  /** Once for each frame while it plays. */
  tick(): void {
    const { playing, skipsSilence } = this.store.getState();
    if (!playing || this.#wanted !== null) return;
    const at = this.at();
    if (this.#until !== null && at >= this.#until) {
      this.#go(this.#until);
      this.pause();
      return;
    }
    if (skipsSilence && this.#until === null) {
      const silence = this.#silences.find(([from, to]) => at >= from && at < to - LATE_MS);
      if (silence !== undefined) this.#go(silence[1]);
    }
    this.#tell();
  }

  close(): void {
    this.#wanted = this.at();
    this.#gone = true;
    this.#errand += 1;
    this.#loaded = null;
    this.#parts.loudspeaker.removeEventListener("ended", this.#ended);
    this.#parts.loudspeaker.pause();
    this.store.setState({ playing: false, loading: false });
    for (const address of this.#addresses.values()) this.#parts.release(address);
    this.#addresses.clear();
  }

  readonly #ended = (): void => {
    const index = this.#spans.findIndex(({ id }) => id === this.#loaded);
    const next = this.#spans[index + 1];
    if (next !== undefined && this.#until === null) {
      this.#go(next.from);
      return;
    }
    this.#wanted = this.#spans[index]?.to ?? 0;
    this.pause();
    this.#tell();
  };

  #go(ms: number): void {
    const place = placeOf(this.#spans, ms);
    const span = place === null ? undefined : this.#spans[place.index];
    if (place === null || span === undefined) {
      this.#wanted = ms;
      this.#tell();
      return;
    }
    if (span.id === this.#loaded) {
      this.#errand += 1;
      this.#wanted = null;
      this.store.setState({ loading: false });
      const now = this.#parts.loudspeaker;
      // Where it already is there is nothing to look for: a new look would be a gap in the sound.
      if (Math.abs(now.currentTime * 1000 - place.offset) >= 1) now.currentTime = place.offset / 1000;
      this.#tell();
      this.#sound();
      return;
    }
    this.#wanted = span.from + place.offset;
    this.#tell();
    // Moving about in silence fetches nothing.
    if (this.store.getState().playing) void this.#fetch(span, place.offset);
  }

  async #fetch(span: Span, offset: number): Promise<void> {
    const errand = (this.#errand += 1);
    this.#parts.loudspeaker.pause();
    this.store.setState({ loading: true });
    try {
      const address = await this.#address(span.id);
      if (errand !== this.#errand) return;
      this.#loaded = null;
      await this.#insert(address);
      if (errand !== this.#errand) return;
      this.#loaded = span.id;
      this.#parts.loudspeaker.currentTime = offset / 1000;
      this.#wanted = null;
      this.store.setState({ loading: false });
      this.#tell();
      this.#sound();
    } catch (problem) {
      if (errand !== this.#errand) return;
      this.#loaded = null;
      this.store.setState({ loading: false, playing: false, problem });
    }
  }

  /** Until the loudspeaker knows how long it is: a place that is set before is forgotten. */
  #insert(address: string): Promise<void> {
    const { loudspeaker } = this.#parts;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => (): void => {
        loudspeaker.removeEventListener("loadedmetadata", ready);
        loudspeaker.removeEventListener("error", failed);
        act();
      };
      const ready = settle(resolve);
      const failed = settle(() => {
        reject(new Error("this browser cannot play the recording"));
      });
      loudspeaker.addEventListener("loadedmetadata", ready);
      loudspeaker.addEventListener("error", failed);
      loudspeaker.src = address;
    });
  }

  #sound(): void {
    const { playing, rate } = this.store.getState();
    if (!playing) return;
    this.#parts.loudspeaker.playbackRate = rate;
    this.#parts.loudspeaker.play().catch((refused: unknown) => {
      // The browser wants another tap: the button says Play again. A stop or another recording meanwhile is no refusal.
      if (refused instanceof DOMException && refused.name === "NotAllowedError") this.store.setState({ playing: false });
    });
  }

  async #address(recording: string): Promise<string> {
    const known = this.#addresses.get(recording);
    if (known !== undefined) return known;
    const address = await this.#parts.load(recording);
    if (this.#gone) {
      this.#parts.release(address);
      throw new Error("the player is gone");
    }
    this.#addresses.set(recording, address);
    for (const [id, old] of this.#addresses) {
      if (this.#addresses.size <= KEPT) break;
      if (id === this.#loaded || id === recording) continue;
      this.#addresses.delete(id);
      this.#parts.release(old);
    }
    return address;
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
