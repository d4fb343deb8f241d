import { SILENCE } from "@/shared/audio/pcm";
import { MicrophoneError, Superseded, type AudioListener, type AudioPort, type Cue, type Levels, type MicrophoneInfo, type MicrophoneProblem } from "@/shared/audio/port";

/** Ears and mouth without a device: what is played is written down, what is captured is given by the test. */
export class FakeAudio implements AudioPort {
  readonly levels: Levels = { input: SILENCE, output: 0 };
  readonly orders: string[] = [];
  readonly pushed: { reply: number; offset: number; samples: number }[] = [];
  listener: AudioListener | null = null;
  problem: MicrophoneProblem | null = null;
  /** The browser asks the person, and the test answers with `answer`. */
  prompting = false;
  soundless = false;
  #asked = 0;
  #prompts: (() => void)[] = [];
  echoCancellation = true;
  seconds = 0;

  listen(listener: AudioListener): void {
    this.listener = listener;
  }

  now(): number {
    return this.seconds;
  }

  unlock(): Promise<void> {
    this.orders.push("unlock");
    return this.soundless ? Promise.reject(new Error("no worklet")) : Promise.resolve();
  }

  async openMicrophone(deviceId: string | null): Promise<MicrophoneInfo> {
    this.orders.push("open");
    const asked = ++this.#asked;
    if (this.prompting) await new Promise<void>((resolve) => this.#prompts.push(resolve));
    if (asked !== this.#asked) throw new Superseded();
    if (this.problem !== null) throw new MicrophoneError(this.problem);
    return {
      label: "Test microphone",
      deviceId: deviceId ?? "default",
      echoCancellation: this.echoCancellation,
      noiseSuppression: true,
      autoGainControl: true,
      fellBack: false,
    };
  }

  /** The person answers every prompt. */
  answer(): void {
    for (const prompt of this.#prompts.splice(0)) prompt();
  }

  closeMicrophone(): void {
    this.#asked += 1;
    this.orders.push("close");
  }

  mute(muted: boolean): Promise<void> {
    this.orders.push(muted ? "mute" : "unmute");
    return Promise.resolve();
  }

  configure(rate: number): void {
    this.orders.push(`configure ${rate}`);
  }

  push(reply: number, offset: number, pcm: Int16Array): void {
    this.pushed.push({ reply, offset, samples: pcm.length });
  }

  duck(reply: number, gain: number): void {
    this.orders.push(`duck ${reply} ${gain}`);
  }

  hold(reply: number): void {
    this.orders.push(`hold ${reply}`);
  }

  release(reply: number): void {
    this.orders.push(`release ${reply}`);
  }

  flush(reply: number): void {
    this.orders.push(`flush ${reply}`);
  }

  finish(reply: number): void {
    this.orders.push(`finish ${reply}`);
  }

  repeatPlayed(): void {
    this.orders.push("repeat");
  }

  cue(cue: Cue): void {
    this.orders.push(`cue ${cue}`);
  }

  /** `ms` of the microphone, in 20 ms frames; each frame's first sample is its number. */
  hear(ms: number): void {
    for (let i = 0; i < ms / 20; i++) {
      this.listener?.captured({ pcm: new Int16Array(320).buffer, at: this.seconds, level: SILENCE });
      this.seconds += 0.02;
    }
  }
}
