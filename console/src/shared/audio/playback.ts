import { HeardClock, PlayedReporter } from "./heard";
import type { PlaybackCommand, PlaybackReport } from "./messages";
import type { PlayerEvent } from "./player";

/** What the page needs of an audio context to know which frame the device is playing. */
export interface OutputClock {
  readonly currentTime: number;
  readonly sampleRate: number;
  readonly baseLatency?: number;
  readonly outputLatency?: number;
  getOutputTimestamp?(): { contextTime?: number; performanceTime?: number };
}

export interface PlaybackListener {
  played(reply: number, ms: number): void;
  heard(reply: number, ms: number): void;
  audible(reply: number, at: number): void;
  ended(reply: number): void;
  gap(reply: number, ms: number): void;
}

/** The page's half of playback: from what the worklet rendered to what has been heard, and when to say so. */
export class Playback {
  readonly #heard: HeardClock;
  readonly #reporter: PlayedReporter;
  #rate = 0;
  #ending: { reply: number; ms: number; frame: number } | null = null;

  constructor(
    readonly clock: OutputClock,
    readonly send: (command: PlaybackCommand, transfer?: Transferable[]) => void,
    readonly listener: PlaybackListener,
    readonly now: () => number = () => performance.now(),
  ) {
    this.#heard = new HeardClock(clock.sampleRate);
    this.#reporter = new PlayedReporter((reply, ms) => {
      listener.played(reply, ms);
    });
  }

  configure(rate: number): void {
    this.#rate = rate;
    this.send({ do: "configure", rate });
  }

  push(reply: number, offset: number, pcm: Int16Array<ArrayBuffer>): void {
    this.send({ do: "push", reply, offset, pcm: pcm.buffer }, [pcm.buffer]);
  }

  duck(reply: number, gain: number): void {
    this.send({ do: "duck", reply, gain });
    const heard = this.#heard.at(this.#frame());
    if (heard?.reply === reply) this.#reporter.exact(reply, heard.ms, this.now());
  }

  command(what: "hold" | "release" | "flush" | "finish", reply: number): void {
    this.send({ do: what, reply });
  }

  repeat(): void {
    this.#reporter.repeat(this.now());
  }

  /** A report of the worklet. */
  report({ frame, position, events }: PlaybackReport): void {
    if (this.#rate === 0) return;
    for (const event of events) this.#event(event);
    if (position !== null) this.#heard.mark(frame, position, this.#rate);
    const playing = this.#frame();
    const heard = this.#heard.at(playing);
    if (heard !== null) {
      this.#reporter.heard(heard.reply, heard.ms, this.now());
      this.#progress();
    }
    if (this.#ending !== null && playing >= this.#ending.frame) {
      const { reply, ms } = this.#ending;
      this.#ending = null;
      this.#reporter.exact(reply, ms, this.now());
      this.#progress();
      this.listener.ended(reply);
    }
  }

  #event(event: PlayerEvent): void {
    if (event.kind === "started") {
      this.listener.audible(event.reply, event.frame / this.clock.sampleRate + this.#latency());
      this.#ending = null;
    } else if (event.kind === "gap") {
      this.listener.gap(event.reply, event.ms);
    } else if (event.kind === "stopped") {
      const ms = (event.samples / this.#rate) * 1000;
      if (event.cause === "drained") {
        // Rendered to the end, but a latency away from the ear.
        this.#ending = { reply: event.reply, ms, frame: event.frame };
        return;
      }
      // What was rendered before a stop cannot be called back: it will have been heard.
      this.#reporter.exact(event.reply, ms, this.now());
      this.#progress();
      if (event.cause === "hold") return;
      this.#reporter.close(event.reply);
      this.listener.ended(event.reply);
    }
  }

  #progress(): void {
    this.listener.heard(this.#reporter.reply, this.#reporter.ms);
  }

  #frame(): number {
    return Math.round((this.clock.currentTime - this.#latency()) * this.clock.sampleRate);
  }

  /** Seconds from rendering to the loudspeaker. */
  #latency(): number {
    const { contextTime = 0, performanceTime = 0 } = this.clock.getOutputTimestamp?.() ?? {};
    if (contextTime > 0 && performanceTime > 0) {
      const playing = contextTime + (this.now() - performanceTime) / 1000;
      const latency = this.clock.currentTime - playing;
      // A suspended context leaves an old stamp behind: only a believable value counts.
      if (latency >= 0 && latency <= LONGEST_LATENCY_S) return latency;
    }
    // Zero and absent both mean that the browser does not know.
    return (this.clock.outputLatency ?? 0) || (this.clock.baseLatency ?? 0);
  }
}

const LONGEST_LATENCY_S = 1;
