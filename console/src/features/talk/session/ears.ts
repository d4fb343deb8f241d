import { MicrophoneError, Superseded, type AudioPort, type MicrophoneProblem } from "@/shared/audio/port";
import type { Level } from "@/shared/audio/pcm";
import { EchoWatch } from "./echo";
import { SignalWatch } from "./signal";
import { IDLE_MICROPHONE, type MicrophoneState, type TalkStore } from "./store";

/** The microphone as the page shows it: asked for, open, muted, in trouble. */
export class Ears {
  readonly #signal = new SignalWatch();
  readonly #echo = new EchoWatch();
  #slow: ReturnType<typeof setTimeout> | null = null;

  constructor(
    readonly audio: AudioPort,
    readonly store: TalkStore,
    /** The device that the person chose, if any. */
    readonly device: () => string | null,
  ) {}

  /** Whether what is said gets through. */
  get open(): boolean {
    const { microphone, muted } = this.store.getState();
    return microphone.state === "on" && !muted && microphone.problem === null;
  }

  /** Asks the browser, who may ask the person: call it from a tap only. */
  ask(): void {
    this.#change({ state: "asking", slow: false, problem: null, trouble: null });
    this.#stopSlow();
    this.#slow = setTimeout(() => {
      this.#change({ slow: true });
    }, SLOW_PROMPT_MS);
    this.audio
      .openMicrophone(this.device())
      .then((info) => {
        this.#stopSlow();
        this.#signal.reset();
        this.#change({ state: "on", slow: false, problem: null, info });
      })
      .catch((error: unknown) => {
        this.#failed(error);
      });
  }

  close(): void {
    this.#stopSlow();
    this.audio.closeMicrophone();
    this.#change({ ...IDLE_MICROPHONE, info: this.store.getState().microphone.info });
  }

  setMuted(muted: boolean): void {
    this.store.setState({ muted });
    if (!muted && this.store.getState().microphone.state === "off") this.ask();
    this.audio.mute(muted).catch((error: unknown) => {
      this.#failed(error);
    });
  }

  /** It went away by itself, or came back. */
  changed(problem: MicrophoneProblem | null): void {
    this.#change(problem === "unplugged" ? { state: "off", problem } : { problem });
  }

  /** `speech`: somebody is known to be speaking. */
  measure(level: Level, speech: boolean): void {
    if (!this.open) return;
    const trouble = this.#signal.push(level, speech);
    if (trouble !== undefined && trouble !== this.store.getState().microphone.trouble) this.#change({ trouble });
  }

  /** An interruption that was none: twice in a minute, and it may be hearing itself. */
  suspectEcho(now: number): void {
    if (this.#echo.suspect(now)) this.#change({ echo: true });
  }

  dismissEcho(): void {
    this.#change({ echo: false });
  }

  #failed(error: unknown): void {
    // Whoever asked last is told; the others are not news.
    if (error instanceof Superseded) return;
    if (!(error instanceof MicrophoneError)) throw error;
    this.#stopSlow();
    const { microphone, muted } = this.store.getState();
    // Closed meanwhile: nobody waits for it any more.
    if (microphone.state === "off" && !muted) return;
    this.#change({ state: "off", slow: false, problem: error.problem });
  }

  #stopSlow(): void {
    if (this.#slow !== null) clearTimeout(this.#slow);
    this.#slow = null;
  }

  #change(change: Partial<MicrophoneState>): void {
    this.store.setState({ microphone: { ...this.store.getState().microphone, ...change } });
  }
}

const SLOW_PROMPT_MS = 1500;
