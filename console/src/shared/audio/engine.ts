import captureUrl from "./capture.worklet.ts?worker&url";
import { play } from "./cues";
import { CAPTURE, INPUT_RATE, PLAYBACK, type CaptureCommand, type CapturedFrame, type PlaybackReport } from "./messages";
import { Microphone } from "./microphone";
import { SILENCE } from "./pcm";
import { Playback } from "./playback";
import playbackUrl from "./playback.worklet.ts?worker&url";
import type { AudioListener, AudioPort, Cue, Levels, MicrophoneInfo, MicrophoneProblem } from "./port";
import { Kept } from "./kept";

/**
 * One audio context for the life of the page, at the device's own rate. Everything that sounds goes through it: the
 * echo canceller then knows what to take away, and iOS lets it sound long after the tap.
 */
export class AudioEngine implements AudioPort {
  readonly levels: Levels = { input: SILENCE, output: 0 };
  readonly #microphone = new Microphone((problem) => {
    this.#microphoneChanged(problem);
  });
  #listener: AudioListener | null = null;
  #context: AudioContext | null = null;
  #nodes: Nodes | null = null;
  #ready: Promise<void> | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #deviceId: string | null = null;
  #muted = false;
  /** The track was stopped because it had been muted for long. */
  #quieted = false;
  #quiet: ReturnType<typeof setTimeout> | null = null;
  #volume = 1;
  #speaker = "";
  #test: Kept<ArrayBuffer> | null = null;
  #waiting: ((playback: Playback) => void)[] = [];

  listen(listener: AudioListener): void {
    this.#listener = listener;
  }

  now(): number {
    return this.#context?.currentTime ?? 0;
  }

  async unlock(): Promise<void> {
    const context = (this.#context ??= this.#create());
    // Both must happen before the first await, inside the tap.
    const resumed = context.state === "running" ? Promise.resolve() : context.resume();
    this.#ready ??= this.#build(context).catch((error: unknown) => {
      // A worklet that did not load: the next tap tries again, and what waited to be played is old by then.
      this.#ready = null;
      this.#waiting = [];
      throw error;
    });
    await this.#ready;
    // Refused without a gesture: it stays pending, and `running(false)` has been told.
    await Promise.race([resumed, new Promise((resolve) => setTimeout(resolve, 300))]);
    this.#state();
  }

  async openMicrophone(deviceId: string | null): Promise<MicrophoneInfo> {
    const info = await this.#microphone.open(deviceId);
    this.#deviceId = info.deviceId === "" ? null : info.deviceId;
    this.#quieted = false;
    // Whether sound could be started is told to whoever tapped; a microphone without it is only not heard.
    await this.#ready?.catch(() => undefined);
    this.#connect();
    return info;
  }

  closeMicrophone(): void {
    this.#stopQuiet();
    this.#muted = false;
    this.#quieted = false;
    this.#capture({ muted: false });
    this.#disconnect();
    this.#microphone.close();
    this.levels.input = SILENCE;
  }

  async mute(muted: boolean): Promise<void> {
    this.#muted = muted;
    this.#stopQuiet();
    this.#capture({ muted });
    if (muted) {
      this.#quiet = setTimeout(() => {
        this.#quieted = true;
        this.#disconnect();
        this.#microphone.close();
      }, MUTED_TRACK_MS);
    } else if (this.#quieted) {
      await this.openMicrophone(this.#deviceId);
    }
  }

  configure(rate: number): void {
    this.#play((playback) => {
      playback.configure(rate);
    });
  }

  push(reply: number, offset: number, pcm: Int16Array<ArrayBuffer>): void {
    this.#play((playback) => {
      playback.push(reply, offset, pcm);
    });
  }

  duck(reply: number, gain: number): void {
    this.#play((playback) => {
      playback.duck(reply, gain);
    });
  }

  hold(reply: number): void {
    this.#play((playback) => {
      playback.command("hold", reply);
    });
  }

  release(reply: number): void {
    this.#play((playback) => {
      playback.command("release", reply);
    });
  }

  flush(reply: number): void {
    this.#play((playback) => {
      playback.command("flush", reply);
    });
  }

  finish(reply: number): void {
    this.#play((playback) => {
      playback.command("finish", reply);
    });
  }

  repeatPlayed(): void {
    this.#play((playback) => {
      playback.repeat();
    });
  }

  cue(cue: Cue): void {
    if (this.#context?.state === "running" && this.#nodes !== null) play(this.#context, this.#nodes.volume, cue);
  }

  /** Decibels, up to +12: phones play more quietly while the microphone is open. */
  setVolume(decibels: number): void {
    this.#volume = 10 ** (decibels / 20);
    const { context, nodes } = { context: this.#context, nodes: this.#nodes };
    if (context === null || nodes === null) return;
    nodes.volume.gain.setTargetAtTime(this.#volume, context.currentTime, 0.01);
    // The limiter colours the sound a little: it is only in the way when it is needed.
    nodes.volume.disconnect();
    nodes.volume.connect(this.#volume > 1 ? nodes.limiter : context.destination);
  }

  /** Whether this browser can choose the loudspeaker. */
  static readonly choosesSpeaker = typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;

  /** Also before there is a context: it is taken when it comes. Unplugged meanwhile: the default one sounds. */
  async setSpeaker(deviceId: string): Promise<void> {
    this.#speaker = deviceId;
    const context: (AudioContext & ChoosesSpeaker) | null = this.#context;
    await context?.setSinkId?.(deviceId).catch(() => undefined);
  }

  /** Three seconds of the microphone, then played back; nothing of it is sent. */
  async hearYourself(): Promise<void> {
    const context = this.#context;
    const nodes = this.#nodes;
    if (context === null || nodes === null || this.#test !== null) return;
    const kept = new Kept<ArrayBuffer>(TEST_MS);
    this.#test = kept;
    await new Promise((resolve) => setTimeout(resolve, TEST_MS));
    this.#test = null;
    const samples = kept.take().flatMap((pcm) => [...new Int16Array(pcm)]);
    if (samples.length === 0) return;
    const buffer = context.createBuffer(1, samples.length, INPUT_RATE);
    buffer.copyToChannel(Float32Array.from(samples, (x) => x / 32_768), 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(nodes.volume);
    await new Promise((resolve) => {
      source.onended = resolve;
      source.start();
    });
  }

  #create(): AudioContext {
    const session = (navigator as { audioSession?: { type: string } }).audioSession;
    // iOS: otherwise the microphone turns the loudspeaker into the earpiece's quiet twin.
    if (session) session.type = "play-and-record";
    const context = new AudioContext({ latencyHint: "interactive" });
    context.onstatechange = () => {
      this.#state();
    };
    const choosing: AudioContext & ChoosesSpeaker = context;
    if (this.#speaker !== "") void choosing.setSinkId?.(this.#speaker).catch(() => undefined);
    return context;
  }

  async #build(context: AudioContext): Promise<void> {
    await Promise.all([context.audioWorklet.addModule(captureUrl), context.audioWorklet.addModule(playbackUrl)]);
    const volume = context.createGain();
    volume.gain.value = this.#volume;
    const limiter = new DynamicsCompressorNode(context, { threshold: -2, knee: 0, ratio: 20, attack: 0.002, release: 0.1 });
    limiter.connect(context.destination);
    volume.connect(this.#volume > 1 ? limiter : context.destination);
    const speaker = new AudioWorkletNode(context, PLAYBACK, { numberOfInputs: 0, outputChannelCount: [1] });
    speaker.connect(volume);
    const capture = new AudioWorkletNode(context, CAPTURE, { outputChannelCount: [1] });
    // It has nothing to say; but what is not connected is not run.
    capture.connect(context.destination);
    const playback = new Playback(
      context,
      (command, transfer = []) => {
        speaker.port.postMessage(command, transfer);
      },
      {
        played: (reply, ms) => this.#listener?.played(reply, ms),
        heard: (reply, ms) => this.#listener?.heard(reply, ms),
        audible: (reply, at) => this.#listener?.audible(reply, at),
        ended: (reply) => this.#listener?.ended(reply),
        gap: (reply, ms) => this.#listener?.gap(reply, ms),
      },
    );
    speaker.port.onmessage = ({ data }: MessageEvent<PlaybackReport>) => {
      this.levels.output = data.level;
      playback.report(data);
    };
    capture.port.onmessage = ({ data }: MessageEvent<CapturedFrame>) => {
      this.#captured(data, context.sampleRate);
    };
    this.#nodes = { volume, limiter, capture, playback };
    this.#capture({ muted: this.#muted });
    this.#connect();
    for (const order of this.#waiting.splice(0)) order(playback);
  }

  /** The first reply may come before the worklets are loaded: it waits for them. */
  #play(order: (playback: Playback) => void): void {
    if (this.#nodes !== null) order(this.#nodes.playback);
    else if (this.#waiting.length < MOST_WAITING) this.#waiting.push(order);
  }

  #captured({ pcm, frame, level }: CapturedFrame, rate: number): void {
    this.levels.input = level;
    if (this.#test !== null) {
      this.#test.push(pcm, 20);
      // The session's time goes on, in silence.
      pcm = new ArrayBuffer(pcm.byteLength);
    }
    this.#listener?.captured({ pcm, at: frame / rate, level });
  }

  #connect(): void {
    this.#disconnect();
    const { stream } = this.#microphone;
    if (this.#context === null || this.#nodes === null || stream === null) return;
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#nodes.capture);
  }

  #disconnect(): void {
    this.#source?.disconnect();
    this.#source = null;
  }

  #capture(command: CaptureCommand): void {
    this.#nodes?.capture.port.postMessage(command);
  }

  #microphoneChanged(problem: MicrophoneProblem | null): void {
    if (problem === "unplugged") this.#disconnect();
    this.#listener?.microphoneChanged(problem);
  }

  #stopQuiet(): void {
    if (this.#quiet !== null) clearTimeout(this.#quiet);
    this.#quiet = null;
  }

  #state(): void {
    this.#listener?.running(this.#context?.state === "running");
  }
}

/** Not every browser does. */
interface ChoosesSpeaker {
  setSinkId?: (deviceId: string) => Promise<void>;
}

interface Nodes {
  volume: GainNode;
  limiter: DynamicsCompressorNode;
  capture: AudioWorkletNode;
  playback: Playback;
}

const MUTED_TRACK_MS = 10_000;
const TEST_MS = 3000;
/** Ten seconds of sound in 20 ms pieces: a page whose worklets take longer is broken, and says so. */
const MOST_WAITING = 500;
