import type { Streaming } from "@/generated/wire";
import { Kept } from "@/shared/audio/kept";
import { FRAME_MS } from "@/shared/audio/messages";
import type { CapturedSound } from "@/shared/audio/port";
import { parseMessage, parseSound } from "./binary";
import type { Link, LinkListener } from "./link";
import type { Numbers } from "./numbers";
import { newSessionId, socketUrl, Transport, type Dial } from "./transport";
import { Uplink } from "./uplink";

export interface StreamingOptions {
  language: string;
  /** The conversation so far: the turn-based socket cannot resume, so a new one is told what was said and heard. */
  history: () => Streaming.ChatMessage[];
}

/** What of the microphone is the server's business: nothing, an utterance held by hand, or one ended by its silence. */
type Ear = "closed" | "held" | "vad";

/** `/ws/streaming/{session_id}`: turn by turn. */
export class StreamingLink implements Link {
  readonly #transport: Transport;
  readonly #uplink: Uplink;
  readonly #preroll = new Kept<CapturedSound>(PREROLL_MS);
  #ear: Ear = "closed";
  #session = newSessionId();
  #opened = false;
  /** The reply that is being made, and the newest that ever was. */
  #reply = -1;
  #newest = -1;
  /** Of the last transcript; -1 after typed words, which the server does not number for us. */
  #turn = -1;
  #unsent: Streaming.ClientMessage[] = [];

  constructor(
    readonly options: StreamingOptions,
    readonly listener: LinkListener,
    readonly numbers: Numbers,
    readonly sent: (sound: CapturedSound) => void,
    dial?: Dial,
  ) {
    numbers.restart();
    this.#transport = new Transport(
      () => socketUrl(`/ws/streaming/${this.#session}`),
      {
        opened: () => {
          this.#begin();
        },
        text: (text) => {
          const message = parseMessage<Streaming.ServerMessage>(text);
          if (message !== null) this.#receive(numbers.onPage(message));
        },
        binary: (bytes) => {
          const sound = parseSound(bytes);
          if (sound === null) return;
          this.#replying(numbers.replies.onPage(sound.reply));
          listener.sound(numbers.onPage(sound));
        },
        lost: (leftS) => {
          this.#uplink.close();
          this.#session = newSessionId();
          if (this.#reply >= 0) listener.event({ type: "cut", reply: this.#reply });
          this.#reply = -1;
          listener.event({ type: "lost", leftS });
        },
        ended: (code) => {
          listener.event({ type: "ended", code });
        },
      },
      dial,
    );
    this.#uplink = new Uplink((sound) => {
      const sending = this.#transport.send(sound.pcm);
      if (sending) sent(sound);
      return sending;
    });
  }

  get keptMs(): number {
    return this.#uplink.keptMs;
  }

  start(): void {
    this.#transport.start();
  }

  captured(sound: CapturedSound): void {
    if (this.#ear === "closed") this.#preroll.push(sound, FRAME_MS);
    else this.#uplink.push(sound);
  }

  /** Press: what was said up to half a second before counts, because people speak as they press. */
  hold(): void {
    if (this.#ear === "vad") return;
    this.#hear("held");
  }

  /** Tap: listen until silence. */
  listenUntilSilence(): void {
    this.#hear("vad");
    this.#send({ type: "generate", audio: true, vad: true, language: this.options.language });
  }

  commit(): void {
    if (this.#ear === "closed") return;
    const held = this.#ear === "held";
    this.#ear = "closed";
    this.#send({ type: "commit" });
    if (held) this.#send({ type: "generate", audio: true, language: this.options.language });
    this.listener.event({ type: "state", state: "recognising" });
  }

  text(text: string): void {
    const { language } = this.options;
    this.#turn = -1;
    this.#send({ type: "prefill", messages: [{ role: "user", content: text }], language });
    this.#send({ type: "generate", audio: true, language });
    this.listener.event({ type: "state", state: "thinking" });
  }

  interrupt(): void {
    this.#ear = "closed";
    this.#send({ type: "stop" });
    if (this.#reply >= 0) this.listener.event({ type: "flush", reply: this.#reply, reason: "stopped" });
    this.#reply = -1;
    this.listener.event({ type: "state", state: "listening" });
  }

  played(reply: number, ms: number): void {
    const number = this.numbers.replies.onServer(reply);
    if (number !== null) this.#transport.send(JSON.stringify({ type: "played", reply: number, ms } satisfies Streaming.Played));
  }

  hurry(): void {
    this.#transport.hurry();
  }

  close(): void {
    this.#transport.send(JSON.stringify({ type: "close" } satisfies Streaming.Close));
    this.#transport.close();
  }

  #hear(ear: Ear): void {
    this.#ear = ear;
    for (const sound of this.#preroll.take()) this.#uplink.push(sound);
  }

  /** After each opening: a new session is told the conversation, then what was being said. */
  #begin(): void {
    this.#transport.began();
    if (this.#opened) this.numbers.restart();
    const messages = this.options.history();
    const waiting = this.#unsent.splice(0);
    // Also when it is empty: the first message opens the session and names its language.
    this.#send({ type: "prefill", messages, replace: messages.length > 0, language: this.options.language });
    for (const message of waiting) this.#send(message);
    if (this.#opened && this.#ear === "vad" && !waiting.some(({ type }) => type === "generate"))
      this.#send({ type: "generate", audio: true, vad: true, language: this.options.language });
    this.#uplink.open();
    this.listener.event(this.#opened ? { type: "back" } : { type: "state", state: "listening" });
    this.#opened = true;
  }

  #receive(message: Streaming.ServerMessage): void {
    switch (message.type) {
      case "prefill_done":
        return;
      case "transcript":
        this.#turn = message.turn;
        if (message.final) {
          this.#ear = "closed";
          this.listener.event(message);
          if (message.text !== "") this.listener.event({ type: "state", state: "thinking" });
          return;
        }
        break;
      case "chunk":
        this.#replying(message.reply);
        if (message.text_delta !== undefined)
          this.listener.event({ type: "text", reply: message.reply, delta: message.text_delta });
        return;
      case "done":
        this.#replying(message.reply);
        this.listener.event({
          type: "reply_done",
          reply: message.reply,
          reason: message.stopped ? "stopped" : "completed",
          heard_ms: 0,
          heard_text: message.heard_text,
        });
        // That of a stopped reply comes when the next one may already be asked for.
        if (this.#reply === message.reply) {
          this.#reply = -1;
          this.listener.event({ type: "state", state: "listening" });
        }
        return;
      case "error":
        this.#transport.failed(message.code, message.retry_after_s ?? null);
        if (message.code === "utterance_limit" || message.code === "asr_failed") this.#ear = "closed";
        break;
      default:
        break;
    }
    this.listener.event(message);
  }

  #replying(reply: number): void {
    if (reply <= this.#newest) return;
    this.#newest = reply;
    this.#reply = reply;
    this.#ear = "closed";
    this.listener.event({ type: "reply_started", reply, turn: this.#turn });
    this.listener.event({ type: "state", state: "speaking" });
  }

  /** What asks for an answer waits for the line; a stop that cannot be sent has nothing left to stop. */
  #send(message: Streaming.ClientMessage): void {
    if (this.#transport.send(JSON.stringify(message))) return;
    if (message.type !== "stop" && this.#unsent.length < MOST_UNSENT) this.#unsent.push(message);
  }
}

const PREROLL_MS = 500;
/** A few taps while the line is down; more is a stuck key. */
const MOST_UNSENT = 16;
