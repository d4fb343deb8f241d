import type { AudioListener, AudioPort, CapturedSound, Cue, MicrophoneProblem } from "@/shared/audio/port";
import { CaptureClock } from "@/shared/audio/clock";
import { FRAME_MS } from "@/shared/audio/messages";
import { DuplexLink } from "@/shared/sockets/duplex";
import type { Link, LinkEvent, LinkListener, ReplySound } from "@/shared/sockets/link";
import { Numbers } from "@/shared/sockets/numbers";
import type { ResumeStore } from "@/shared/sockets/resumption";
import { StreamingLink } from "@/shared/sockets/streaming";
import type { Dial } from "@/shared/sockets/transport";
import { EMPTY, history, reduce, type Local, type Turn } from "./conversation";
import { Ears } from "./ears";
import { repeats } from "./echo";
import { lampAction, lampState, type LampState, type Mode } from "./lamp";
import { Progress } from "./progress";
import { createTalkStore, type TalkState, type TalkStore } from "./store";

/** What the session reads of the person's choices, each time anew. */
export interface Choices {
  language: string;
  microphone: string | null;
  cues: boolean;
  interruptByVoice: boolean;
  /** 0.5 to 3. */
  patience: number;
  /** Who answers; absent: the server's own choice. */
  app?: string;
  voice?: string;
  /** Of a draft that is tried: instead of what the app tells the model. */
  prompt?: string;
}

export interface TalkParts {
  audio: AudioPort;
  choices: () => Choices;
  resume: ResumeStore;
  mode: Mode;
  dial?: Dial;
  /** Wall clock, ms. */
  now?: () => number;
}

/**
 * A person's conversation on this page: the audio engine, the socket of the chosen mode, and the store that the page
 * draws. Commands come from the page, events from engine and socket; every change of what is shown is made here.
 */
export class TalkSession implements AudioListener, LinkListener {
  readonly store: TalkStore;
  readonly ears: Ears;
  readonly progress = new Progress();
  readonly #audio: AudioPort;
  readonly #parts: TalkParts;
  readonly #numbers = new Numbers();
  readonly #clock = new CaptureClock();
  #link: Link | null = null;
  #outputRate = STREAMING_RATE;
  #askedAt: number | null = null;
  #sentMs = 0;
  #pressedAt = 0;
  #settling: ReturnType<typeof setTimeout> | null = null;

  constructor(parts: TalkParts) {
    this.#parts = parts;
    this.#audio = parts.audio;
    this.store = createTalkStore(parts.mode);
    this.ears = new Ears(parts.audio, this.store, () => parts.choices().microphone);
    parts.audio.listen(this);
  }

  // ── what a person does ─────────────────────────────────────────────────────────────────────────

  /** Start, in the tap itself: the context, the microphone and the socket, in this order and without waiting. */
  start(withMicrophone = true): void {
    this.#unlock();
    if (withMicrophone) this.ears.ask();
    this.#connect();
  }

  lamp(): LampState {
    const { conversation, mode, microphone, sounding, talking, audible } = this.store.getState();
    const asking = microphone.state === "asking";
    return lampState(conversation, { mode, asking, muted: !this.ears.open, sounding, talking: talking !== "no", audible });
  }

  /** A tap on the lamp. */
  tap(): void {
    switch (lampAction(this.lamp(), this.#state.mode)) {
      case "start":
      case "talk":
        this.start();
        break;
      case "commit":
        this.commit();
        break;
      case "interrupt":
        this.stop();
        break;
      case "go-on":
        this.goOn();
        break;
      case "retry":
        this.hurry();
        break;
      case "none":
        break;
    }
  }

  /** Turn by turn: the lamp or the space bar goes down. A reply that sounds is stopped first. */
  press(): void {
    if (this.#state.mode !== "turns") return;
    if (this.#state.talking === "until-silence") {
      this.commit();
      return;
    }
    if (this.#state.talking === "held") return;
    if (this.#replying) this.stop();
    this.#unlock();
    if (this.#state.microphone.state === "off") this.ears.ask();
    if (this.#state.muted) this.setMuted(false);
    this.#connect();
    if (!(this.#link instanceof StreamingLink)) return;
    this.#pressedAt = this.#now();
    this.#link.hold();
    this.#set({ talking: "held" });
    this.#cue("open");
  }

  /** And up again: after a hold that was the utterance, after a tap it goes on until silence. */
  unpress(): void {
    if (this.#state.talking !== "held" || !(this.#link instanceof StreamingLink)) return;
    const tapped = this.#now() - this.#pressedAt < HOLD_MS || this.#state.microphone.state !== "on";
    if (tapped) {
      this.#link.listenUntilSilence();
      this.#set({ talking: "until-silence" });
    } else {
      this.commit();
    }
  }

  /** «Your turn»: no waiting for silence. */
  commit(): void {
    this.#link?.commit();
    this.#askedAt = this.#audio.now();
    if (this.#state.talking === "no") return;
    this.#set({ talking: "no" });
    this.#cue("release");
  }

  /** Stop the reply now; the server is told, and need not answer for it to be silent. */
  stop(): void {
    const { reply } = this.#newestReplied;
    if (reply) this.#audio.flush(reply.number);
    this.#link?.interrupt();
    this.#set({ talking: "no", audible: false });
  }

  say(text: string): void {
    const words = text.trim();
    if (words === "") return;
    this.#unlock();
    this.#connect();
    if (this.#state.mode === "turns" && this.#replying) this.stop();
    this.#askedAt = this.#audio.now();
    this.#apply({ type: "typed", text: words });
    this.#link?.text(words);
  }

  /** A conversation that was kept goes on with the next words; null: what begins next is a new one. */
  goOnWith(conversation: string | null): void {
    if (conversation === this.#state.goesOn) return;
    if (conversation !== null) {
      this.end();
      for (const kind of ["duplex", "streaming"] as const) this.#parts.resume.save(kind, null);
      this.#set({ conversation: EMPTY });
    }
    this.#set({ goesOn: conversation });
  }

  /** Another way to talk ends the session; what was said stays on the page. */
  setMode(mode: Mode): void {
    if (mode === this.#state.mode) return;
    this.end();
    this.#set({ mode });
  }

  setMuted(muted: boolean): void {
    this.#set({ yourTurn: false });
    this.ears.setMuted(muted);
  }

  /** From a pause, a blocked loudspeaker, or silence of one's own. */
  goOn(): void {
    this.#unlock();
    // Where the loudspeaker was blocked, its coming back says more.
    if (!this.#state.sounding) return;
    if (this.#state.conversation.pausedUntil !== null && this.#link instanceof DuplexLink) this.#link.goOn();
    else if (!this.ears.open) this.setMuted(false);
  }

  end(): void {
    this.#link?.close();
    this.#link = null;
    this.#silence();
    this.ears.close();
    this.#set({ talking: "no", audible: false, muted: false, yourTurn: false });
    this.#apply({ type: "closed" });
  }

  /** A camera frame: base64 JPEG. */
  see(jpeg: string): void {
    if (this.#link instanceof DuplexLink) this.#link.video(jpeg, this.#sentMs);
  }

  setCamera(camera: TalkState["camera"]): void {
    this.#set({ camera });
  }

  /** The network is back: no need to wait for the next attempt. */
  hurry(): void {
    this.#link?.hurry();
  }

  // ── what the engine tells ──────────────────────────────────────────────────────────────────────

  captured(sound: CapturedSound): void {
    const { conversation, audible } = this.#state;
    this.ears.measure(sound.level, conversation.hearing || this.#state.talking === "held");
    // By choice the microphone is deaf while a reply sounds; the session's time goes on.
    const deaf = audible && this.#state.mode !== "turns" && !this.#parts.choices().interruptByVoice;
    this.#link?.captured(deaf ? { ...sound, pcm: new ArrayBuffer(sound.pcm.byteLength) } : sound);
    const keptS = conversation.line === "lost" ? Math.floor((this.#link?.keptMs ?? 0) / 1000) : 0;
    if (keptS !== this.#state.keptS) this.#set({ keptS });
  }

  played(reply: number, ms: number): void {
    this.#link?.played(reply, ms);
  }

  heard(reply: number, ms: number): void {
    this.progress.heard(reply, ms);
  }

  audible(reply: number, at: number): void {
    this.#set({ audible: true });
    const turn = this.#state.conversation.turns.findLast((each) => each.reply?.number === reply);
    const ended = turn?.said?.typed !== true && typeof turn?.endedAt === "number" ? this.#clock.capturedAt(turn.endedAt) : this.#askedAt;
    this.#askedAt = null;
    const afterMs = ended === null ? null : Math.round((at - ended) * 1000);
    // Out of any reason means that no end of speech belongs to it: a timer that rings.
    const believable = afterMs !== null && afterMs >= 0 && afterMs < LONGEST_RESPONSE_MS;
    this.#apply({ type: "audible", reply, afterMs: believable ? afterMs : null });
  }

  ended(reply: number): void {
    if (reply >= this.progress.reply) this.#set({ audible: false });
  }

  gap(reply: number): void {
    this.#set({ audible: true });
    this.progress.gap(reply);
    this.#apply({ type: "gap", reply });
  }

  running(sounding: boolean): void {
    if (sounding === this.#state.sounding) return;
    this.#set({ sounding });
    if (!(this.#link instanceof DuplexLink)) return;
    // A call or a lock screen has taken the loudspeaker: the server waits with us, until the tap that brings it back.
    if (sounding) this.#link.goOn();
    else this.#link.pause();
  }

  microphoneChanged(problem: MicrophoneProblem | null): void {
    this.ears.changed(problem);
  }

  // ── what the socket tells ──────────────────────────────────────────────────────────────────────

  sound({ reply, offset, pcm }: ReplySound): void {
    this.progress.came(reply, ((offset + pcm.length) / this.#outputRate) * 1000);
    this.#audio.push(reply, offset, pcm);
  }

  event(event: LinkEvent): void {
    this.#apply(event);
    switch (event.type) {
      case "prepared":
        this.#prepared(event.output.rate, event.resumed);
        break;
      case "duck":
        this.#audio.duck(event.reply, event.gain);
        break;
      case "hold":
        this.#audio.hold(event.reply);
        break;
      case "release":
        this.#audio.release(event.reply);
        this.ears.suspectEcho(this.#now());
        break;
      case "flush":
        this.#audio.flush(event.reply);
        this.#settle();
        break;
      case "reply_done":
      case "cut":
        this.#audio.finish(event.reply);
        break;
      case "reply_started":
        this.#set({ talking: "no" });
        break;
      case "transcript":
        if (event.final) this.#finalWords(event.text);
        break;
      case "queue_done":
        if (event.waited_ms > QUEUED_MS) this.#granted();
        break;
      case "back":
        this.#audio.repeatPlayed();
        this.#settle();
        break;
      case "error":
        if (!event.fatal) this.#set({ talking: "no" });
        break;
      case "ended":
        this.#link = null;
        this.ears.close();
        this.#set({ talking: "no", muted: false });
        this.#cue("error");
        break;
      default:
        break;
    }
  }

  // ── inside ─────────────────────────────────────────────────────────────────────────────────────

  get #state(): TalkState {
    return this.store.getState();
  }

  get #replying(): boolean {
    const { audible, conversation } = this.#state;
    const { server } = conversation;
    return audible || server === "thinking" || server === "speaking" || server === "synthesising" || server === "recognising";
  }

  get #newestReplied(): Partial<Turn> {
    return this.#state.conversation.turns.findLast((turn) => turn.reply !== null) ?? {};
  }

  /** In the tap itself. Without sound one can still type and read. */
  #unlock(): void {
    this.#audio.unlock().then(
      () => {
        this.#set({ soundless: false });
      },
      () => {
        this.#set({ soundless: true });
      },
    );
  }

  #connect(): void {
    if (this.#link !== null) return;
    const { language, patience, app, voice, prompt } = this.#parts.choices();
    const { goesOn } = this.#state;
    const persona = { ...(goesOn === null ? {} : { conversation: goesOn }), ...(app === undefined ? {} : { app }), ...(voice === undefined ? {} : { voice }), ...(prompt === undefined ? {} : { prompt }) };
    const sent = (sound: CapturedSound): void => {
      this.#clock.sent(FRAME_MS, sound.at);
      this.#sentMs += FRAME_MS;
    };
    this.#clock.reset();
    this.#sentMs = 0;
    const { mode } = this.#state;
    if (mode === "turns") {
      this.#audio.configure(STREAMING_RATE);
      this.#outputRate = STREAMING_RATE;
      const told = { language, ...persona, history: () => history(this.#state.conversation, prompt) };
      this.#link = new StreamingLink(told, this, this.#numbers, this.#parts.resume, sent, this.#parts.dial);
    } else {
      const options = { language, video: mode === "camera", patience, ...persona };
      this.#link = new DuplexLink(options, this, this.#numbers, this.#parts.resume, sent, this.#parts.dial);
    }
    this.#apply({ type: "connecting", language });
    this.#link.start();
  }

  #prepared(rate: number, resumed: boolean): void {
    this.#outputRate = rate;
    this.#audio.configure(rate);
    if (resumed) return;
    // Nobody finishes what an older session was saying.
    const { reply } = this.#newestReplied;
    if (reply) this.#audio.finish(reply.number);
    // A new session counts its sound from nothing.
    this.#clock.reset();
    this.#sentMs = 0;
  }

  #granted(): void {
    this.#cue("turn");
    if (!document.hidden) return;
    this.setMuted(true);
    this.#set({ yourTurn: true });
  }

  #finalWords(text: string): void {
    this.#set({ talking: "no" });
    const said = this.#state.conversation.turns.findLast((turn) => turn.reply?.done === null)?.reply?.text ?? "";
    if (this.#state.audible && repeats(text, said)) this.ears.suspectEcho(this.#now());
  }

  /** What is only news for a moment. */
  #settle(): void {
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#apply({ type: "settle" });
    }, NEWS_MS);
  }

  #silence(): void {
    const { reply } = this.#newestReplied;
    if (reply) this.#audio.flush(reply.number);
  }

  #cue(cue: Cue): void {
    if (this.#parts.choices().cues) this.#audio.cue(cue);
  }

  #set(change: Partial<TalkState>): void {
    this.store.setState(change);
  }

  #apply(event: LinkEvent | Local): void {
    this.#set({ conversation: reduce(this.#state.conversation, event, this.#now()) });
  }

  #now(): number {
    return this.#parts.now?.() ?? Date.now();
  }
}

const HOLD_MS = 300;
const NEWS_MS = 1500;
const QUEUED_MS = 2000;
const LONGEST_RESPONSE_MS = 60_000;
/** Fixed by the turn-based protocol. */
const STREAMING_RATE = 24_000;
