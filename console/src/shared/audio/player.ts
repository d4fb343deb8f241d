import { PolyphaseFilter } from "./filter";
import { JitterBuffer } from "./jitter";
import { SampleRing } from "./ring";

export type StopCause = "hold" | "flush" | "drained";

export type PlayerEvent =
  /** The first sample of the reply is in the block being rendered. */
  | { kind: "started"; reply: number; frame: number; samples: number }
  /** Nothing after `samples` has been rendered; more may follow after a hold or when the line was late. */
  | { kind: "stopped"; reply: number; frame: number; samples: number; cause: StopCause }
  | { kind: "gap"; reply: number; ms: number }
  | { kind: "overflow"; reply: number; samples: number };

export interface Position {
  reply: number;
  /** Samples of the reply, at its own rate, rendered before the next block. */
  samples: number;
  running: boolean;
}

/**
 * What is played of which reply, sample by sample. Pure: pieces and commands in, blocks and events out; the worklet
 * around it only moves messages. Times are frames of the context; positions are samples of the reply at its own rate.
 *
 * One reply sounds at a time. A hold fades and goes back to where the fade began, so that a release loses no sample;
 * a flush fades, empties, and from then on refuses that reply and every older one.
 */
export class Player {
  readonly #jitter = new JitterBuffer();
  readonly #voices = new Map<number, Voice>();
  #filter: PolyphaseFilter | null = null;
  #rate = 0;
  #refused = -1;
  #frame = 0;
  #events: PlayerEvent[] = [];

  /** `rate`: frames a second of the context. */
  constructor(readonly rate: number) {}

  /** The rate of the replies to come; a change ends what is playing. */
  configure(rate: number): void {
    if (rate === this.#rate) return;
    this.#filter = new PolyphaseFilter(rate, this.rate);
    this.#rate = rate;
    this.#voices.clear();
  }

  get target(): number {
    return this.#jitter.target;
  }

  push(reply: number, offset: number, pcm: Int16Array): void {
    if (reply <= this.#refused || this.#rate === 0) return;
    const voice = this.#voice(reply, offset);
    const ring = (voice.ring ??= new SampleRing(offset, LONGEST_S * this.#rate));
    if (voice.phase === "dry") this.#refill(voice);
    const beyond = Math.max(0, offset + pcm.length - Math.max(offset, ring.end));
    if (beyond > 0) voice.drained = false;
    const taken = ring.write(offset, pcm);
    const lost = beyond - Math.min(beyond, taken);
    if (lost > 0) this.#events.push({ kind: "overflow", reply, samples: lost });
    this.#jitter.arrived((this.#frame / this.rate) * 1000, (pcm.length / this.#rate) * 1000);
    voice.waitingSince ??= this.#frame;
  }

  duck(reply: number, gain: number): void {
    const voice = this.#voices.get(reply);
    if (voice) voice.gainTarget = Math.min(1, Math.max(0, gain));
  }

  hold(reply: number): void {
    if (reply <= this.#refused) return;
    const voice = this.#voice(reply, 0);
    if (voice.phase === "playing") this.#fade(voice, "hold", HOLD_FADE_MS);
    else if (voice.phase === "filling" || voice.phase === "dry") voice.phase = "held";
  }

  release(reply: number): void {
    const voice = this.#voices.get(reply);
    if (!voice) return;
    voice.gainTarget = 1;
    if (voice.phase === "fading" && voice.fading === "hold") this.#rewind(voice);
    if (voice.phase !== "held") return;
    if (this.#empty(voice) && this.#spent(voice)) return;
    voice.phase = "filling";
    voice.resumed = true;
    voice.waitingSince = this.#frame;
  }

  flush(reply: number): void {
    this.#refused = Math.max(this.#refused, reply);
    for (const voice of this.#voices.values()) {
      if (voice.reply > reply) continue;
      if (voice.phase === "playing") this.#fade(voice, "flush", FLUSH_FADE_MS);
      else if (voice.phase === "fading") voice.fading = "flush";
      else this.#drop(voice, "flush");
    }
  }

  /** No more sound of this reply will come: start and end without waiting for more. */
  finish(reply: number): void {
    const voice = this.#voices.get(reply);
    if (!voice) return;
    voice.finished = true;
    if (this.#empty(voice)) this.#spent(voice);
  }

  render(block: Float32Array, frame: number): void {
    for (let i = 0; i < block.length; i++) {
      this.#frame = frame + i;
      const voice = this.#current();
      block[i] = voice === null ? 0 : this.#sample(voice);
    }
    this.#frame = frame + block.length;
  }

  events(): PlayerEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  position(): Position | null {
    const voice = this.#current();
    if (voice === null) return null;
    const samples = voice.phase === "fading" ? voice.fadeFrom : this.#samples(voice);
    return { reply: voice.reply, samples, running: voice.phase === "playing" };
  }

  #voice(reply: number, start: number): Voice {
    const known = this.#voices.get(reply);
    if (known) return known;
    this.#jitter.restart();
    const voice = new Voice(reply, start);
    this.#voices.set(reply, voice);
    // The server speaks one reply at a time; a crowd means that it forgot to flush, and the oldest go.
    while (this.#voices.size > MOST_VOICES) this.#voices.delete(Math.min(...this.#voices.keys()));
    return voice;
  }

  /** The oldest reply that still has something to say: one that has run dry does not keep the next one waiting. */
  #current(): Voice | null {
    let oldest: Voice | null = null;
    for (const voice of this.#voices.values()) if (oldest === null || voice.reply < oldest.reply) oldest = voice;
    if (oldest !== null && this.#voices.size > 1 && this.#empty(oldest)) {
      this.#voices.delete(oldest.reply);
      return this.#current();
    }
    return oldest;
  }

  /** Nothing of it is left to sound, as far as it has come. */
  #empty(voice: Voice): boolean {
    if (voice.phase === "playing" || voice.phase === "fading") return false;
    return voice.ring === null || this.#samples(voice) >= voice.ring.end;
  }

  /** An empty voice: gone when it is finished, else dry if it ever sounded. True when there is nothing to go on with. */
  #spent(voice: Voice): boolean {
    if (voice.begun && voice.drained) voice.phase = "dry";
    else if (voice.begun) this.#dry(voice);
    if (voice.finished) this.#voices.delete(voice.reply);
    return voice.finished || voice.begun;
  }

  #sample(voice: Voice): number {
    if (voice.phase === "filling" && this.#ready(voice)) this.#start(voice);
    if (voice.phase !== "playing" && voice.phase !== "fading") return 0;
    const { ring } = voice;
    const filter = this.#filter;
    if (ring === null || filter === null || this.#samples(voice) >= ring.end) {
      this.#exhausted(voice);
      return 0;
    }
    const position = voice.rendered * filter.step;
    const origin = voice.start;
    const value = filter.at(position, (index) => ring.at(origin + index)) / 32_768;
    voice.rendered += 1;
    if (voice.rendered % FORGET_EVERY === 0) ring.forget(Math.floor(this.#samples(voice)) - KEPT_BEHIND_S * this.#rate);
    return value * this.#gain(voice) * this.#envelope(voice);
  }

  #gain(voice: Voice): number {
    const step = 1000 / (DUCK_RAMP_MS * this.rate);
    const distance = voice.gainTarget - voice.gain;
    voice.gain += Math.sign(distance) * Math.min(Math.abs(distance), step);
    return voice.gain;
  }

  #envelope(voice: Voice): number {
    voice.envelope = Math.min(1, Math.max(0, voice.envelope + voice.envelopeStep));
    if (voice.phase === "fading" && voice.envelope === 0) this.#faded(voice);
    return voice.envelope;
  }

  #ready(voice: Voice): boolean {
    if (voice.ring === null) return false;
    const buffered = ((voice.ring.end - this.#samples(voice)) / this.#rate) * 1000;
    if (buffered <= 0) return false;
    // A very short reply never fills the buffer: it starts after the longest wait.
    const waited = ((this.#frame - (voice.waitingSince ?? this.#frame)) / this.rate) * 1000;
    return buffered >= this.#jitter.target || voice.finished || voice.resumed || waited >= LONGEST_WAIT_MS;
  }

  #start(voice: Voice): void {
    voice.phase = "playing";
    voice.envelopeStep = 1000 / (HOLD_FADE_MS * this.rate);
    // The very first sample sounds in full; only going on after a stop is faded in.
    voice.envelope = voice.begun ? 0 : 1;
    voice.resumed = false;
    if (voice.begun) return;
    voice.begun = true;
    this.#events.push({ kind: "started", reply: voice.reply, frame: this.#frame, samples: this.#samples(voice) });
  }

  #fade(voice: Voice, cause: "hold" | "flush", ms: number): void {
    voice.phase = "fading";
    voice.fading = cause;
    voice.fadeRendered = voice.rendered;
    voice.fadeFrom = this.#samples(voice);
    voice.envelopeStep = -1000 / (ms * this.rate);
    this.#stopped(voice, voice.fadeFrom, cause);
  }

  #faded(voice: Voice): void {
    if (voice.fading === "flush") this.#voices.delete(voice.reply);
    else this.#rewind(voice);
  }

  #rewind(voice: Voice): void {
    voice.rendered = voice.fadeRendered;
    voice.phase = "held";
  }

  #exhausted(voice: Voice): void {
    if (voice.phase === "fading") {
      this.#faded(voice);
      return;
    }
    this.#dry(voice);
    if (voice.finished) this.#voices.delete(voice.reply);
  }

  #dry(voice: Voice): void {
    voice.phase = "dry";
    voice.drained = true;
    voice.drySince = this.#frame;
    this.#stopped(voice, voice.ring?.end ?? voice.start, "drained");
  }

  /** More came after the end: so it was no end but a gap. */
  #refill(voice: Voice): void {
    const ms = ((this.#frame - voice.drySince) / this.rate) * 1000;
    this.#events.push({ kind: "gap", reply: voice.reply, ms });
    this.#jitter.gap(ms);
    voice.phase = "filling";
    voice.waitingSince = this.#frame;
  }

  #drop(voice: Voice, cause: StopCause): void {
    if (voice.begun) this.#stopped(voice, this.#samples(voice), cause);
    this.#voices.delete(voice.reply);
  }

  #stopped(voice: Voice, samples: number, cause: StopCause): void {
    this.#events.push({ kind: "stopped", reply: voice.reply, frame: this.#frame, samples, cause });
  }

  #samples(voice: Voice): number {
    const filter = this.#filter;
    return voice.start + (filter === null ? 0 : (voice.rendered * filter.step) / filter.phases);
  }
}

type Phase = "filling" | "playing" | "fading" | "held" | "dry";

class Voice {
  ring: SampleRing | null = null;
  phase: Phase = "filling";
  fading: "hold" | "flush" = "hold";
  /** Context frames rendered of it. */
  rendered = 0;
  fadeRendered = 0;
  fadeFrom = 0;
  gain = 1;
  gainTarget = 1;
  envelope = 1;
  envelopeStep = 0;
  begun = false;
  finished = false;
  resumed = false;
  /** Its end, as far as it has come, has been told. */
  drained = false;
  waitingSince: number | null = null;
  drySince = 0;

  constructor(
    readonly reply: number,
    public start: number,
  ) {}
}

const DUCK_RAMP_MS = 30;
const HOLD_FADE_MS = 10;
const FLUSH_FADE_MS = 5;
const LONGEST_WAIT_MS = 200;
const LONGEST_S = 60;
const KEPT_BEHIND_S = 0.5;
const FORGET_EVERY = 4096;
const MOST_VOICES = 8;
