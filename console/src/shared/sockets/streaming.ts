import type { Streaming } from "@/generated/wire";
import { Kept } from "@/shared/audio/kept";
import { FRAME_MS } from "@/shared/audio/messages";
import type { CapturedSound } from "@/shared/audio/port";
import { parseMessage, parseSound } from "./binary";
import type { Link, LinkListener } from "./link";
import type { Numbers } from "./numbers";
import { Question } from "./question";
import { Resumption, type ResumeStore } from "./resumption";
import { socketUrl, Transport, type Dial } from "./transport";
import { TURN_BY_TURN, Uplink } from "./uplink";

export interface StreamingOptions {
  language: string;
  /** Who answers; absent: the server's own choice. */
  app?: string;
  /** A conversation that was kept and goes on. */
  conversation?: string;
  /** What was said and heard so far: what a new session is told when the old one is gone. */
  history: () => Streaming.ChatMessage[];
}

/** What of the microphone is the server's business: nothing, an utterance held by hand, or one ended by its silence. */
type Ear = "closed" | "held" | "vad";

/** `/ws/streaming/{session_id}`: turn by turn. */
export class StreamingLink implements Link {
  readonly #transport: Transport;
  readonly #uplink: Uplink;
  readonly #resumption: Resumption;
  readonly #preroll = new Kept<CapturedSound>(PREROLL_MS);
  readonly #question: Question;
  #ear: Ear = "closed";
  #prepared = false;
  #up = false;
  /** The reply that is being made, and the newest that ever was. */
  #reply = -1;
  #newest = -1;
  /** Of the last transcript; -1 after typed words, which the server does not number for us. */
  #turn = -1;

  constructor(
    readonly options: StreamingOptions,
    readonly listener: LinkListener,
    readonly numbers: Numbers,
    store: ResumeStore,
    readonly sent: (sound: CapturedSound) => void,
    dial?: Dial,
  ) {
    numbers.restart();
    this.#resumption = new Resumption("streaming", store);
    this.#transport = new Transport(
      () => socketUrl(this.#resumption.path),
      {
        opened: () => {
          this.#open();
        },
        text: (text) => {
          const message = parseMessage<Streaming.ServerMessage>(text);
          if (message !== null) this.#receive(message);
        },
        binary: (bytes) => {
          const sound = parseSound(bytes);
          if (sound === null) return;
          this.#replying(numbers.replies.onPage(sound.reply));
          listener.sound(numbers.onPage(sound));
        },
        lost: (leftS) => {
          this.#down();
          listener.event({ type: "lost", leftS });
        },
        ended: (code) => {
          this.#down();
          this.#resumption.over();
          listener.event({ type: "ended", code });
        },
      },
      dial,
    );
    this.#uplink = new Uplink((waiting) => this.#out(waiting), TURN_BY_TURN);
    this.#question = new Question((messages) => {
      for (const message of messages) this.#say(message);
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
    this.#say(this.#byVoice);
  }

  commit(): void {
    if (this.#ear === "closed") return;
    const held = this.#ear === "held";
    this.#ear = "closed";
    this.#say(COMMIT);
    if (held) this.#say(this.#answer);
    this.#question.spoken();
    this.#tellState();
  }

  text(text: string): void {
    this.#turn = -1;
    this.#question.ask(text, this.options.language);
    this.#tellState();
  }

  /** Also while the line is down: what was still to be sent is not wanted, and the server goes on once it is back. */
  interrupt(): void {
    this.#ear = "closed";
    this.#question.answered();
    this.#uplink.clear();
    this.#say({ type: "stop" });
    if (this.#reply >= 0) this.listener.event({ type: "flush", reply: this.#reply, reason: "stopped" });
    this.#reply = -1;
    this.#tellState();
  }

  played(reply: number, ms: number): void {
    const number = this.numbers.replies.onServer(reply);
    if (number !== null && this.#up) this.#send({ type: "played", reply: number, ms });
  }

  hurry(): void {
    this.#transport.hurry();
  }

  close(): void {
    this.#down();
    this.#send({ type: "close" });
    this.#resumption.over();
    this.#transport.close();
  }

  get #answer(): Streaming.Generate {
    return { type: "generate", audio: true, language: this.options.language };
  }

  get #byVoice(): Streaming.Generate {
    return { type: "generate", audio: true, vad: true, language: this.options.language };
  }

  #hear(ear: Ear): void {
    this.#ear = ear;
    for (const sound of this.#preroll.take()) this.#uplink.push(sound);
  }

  /** The first message of a connection opens its session, or an old one; it says nothing else. */
  #open(): void {
    const { language, app, conversation } = this.options;
    this.#send({ type: "prefill", messages: [], language, ...(app === undefined ? {} : { app }), ...(conversation === undefined ? {} : { conversation }), ...this.#resumption.claim });
    this.#question.opening();
  }

  #down(): void {
    this.#up = false;
    this.#uplink.close();
    this.#question.lost();
  }

  #begin(message: Streaming.Prepared): void {
    this.#resumption.prepared(message);
    this.#transport.began();
    if (this.#prepared && !message.resumed) this.#startAnew();
    this.listener.event(message);
    if (!message.resumed) this.#tellHistory();
    this.#up = true;
    this.#uplink.open();
    if (this.#prepared) this.listener.event({ type: "back", resumed: message.resumed });
    this.#prepared = true;
    this.#tellState();
  }

  /** The old session is gone, and with it the reply that it was making. */
  #startAnew(): void {
    this.numbers.restart();
    if (this.#reply >= 0) this.listener.event({ type: "cut", reply: this.#reply });
    this.#reply = -1;
  }

  /** A new session is told the conversation, then what it was being asked. */
  #tellHistory(): void {
    const messages = this.options.history();
    this.#question.anew();
    if (messages.length > 0) {
      this.#send({ type: "prefill", messages, replace: true });
      this.#question.opening();
    }
    if (this.#prepared && this.#ear === "vad" && !this.#waits(this.#byVoice)) this.#send(this.#byVoice);
    if (!this.#prepared) return;
    if (this.#question.kind === "typed" && !this.#question.among((each) => this.#waits(each))) this.#question.again();
    if (this.#question.kind === "spoken" && !this.#waits(COMMIT)) this.#notUnderstood();
  }

  /** What was said went down with the session that heard it. */
  #notUnderstood(): void {
    this.#question.answered();
    this.listener.event({ type: "error", code: "asr_failed", message: "", retryable: true, fatal: false });
  }

  #receive(given: Streaming.ServerMessage): void {
    if (given.type === "prepared") {
      this.#begin(given);
      return;
    }
    const message = this.numbers.onPage(given);
    switch (message.type) {
      case "prefill_done":
        this.#question.taken();
        return;
      case "transcript":
        this.#heard(message);
        return;
      case "chunk":
        this.#replying(message.reply);
        if (message.text_delta !== undefined)
          this.listener.event({ type: "text", reply: message.reply, delta: message.text_delta });
        return;
      case "done":
        this.#done(message);
        return;
      case "error":
        this.#failed(message);
        return;
      default:
        this.listener.event(message);
    }
  }

  #failed(error: Streaming.Error): void {
    if (error.fatal) this.#transport.failed(error.code, error.retry_after_s ?? null);
    if (error.fatal && error.code === "session_in_use") this.#resumption.forget();
    if (error.code === "utterance_limit" || error.code === "asr_failed") this.#ear = "closed";
    this.listener.event(error);
    if (error.fatal || SURVIVED.includes(error.code)) return;
    // Nobody is going to answer that any more.
    this.#question.answered();
    this.#tellState();
  }

  #heard(message: Streaming.Transcript): void {
    this.#turn = message.turn;
    this.listener.event(message);
    if (!message.final) return;
    this.#ear = "closed";
    if (message.text === "") return;
    // From here on it can be asked again, even of another session.
    this.#question.understood(message.text, this.options.language);
    this.#tellState();
  }

  #done(message: Streaming.Done): void {
    this.#replying(message.reply);
    this.listener.event({
      type: "reply_done",
      reply: message.reply,
      reason: message.stopped ? "stopped" : "completed",
      heard_ms: 0,
      heard_text: message.heard_text,
    });
    // That of a stopped reply comes when the next one may already be asked for.
    if (this.#reply !== message.reply) return;
    this.#reply = -1;
    this.#tellState();
  }

  #replying(reply: number): void {
    if (reply <= this.#newest) return;
    this.#newest = reply;
    this.#reply = reply;
    this.#ear = "closed";
    this.#question.answered();
    this.listener.event({ type: "reply_started", reply, turn: this.#turn });
    this.#tellState();
  }

  /** The server of this protocol tells no states: they follow from what was asked and what has come. */
  #tellState(): void {
    const asked = this.#question.kind;
    const state = this.#reply >= 0 ? "speaking" : asked === "typed" ? "thinking" : asked === "spoken" ? "recognising" : "listening";
    this.listener.event({ type: "state", state });
  }

  #out(waiting: CapturedSound | string): boolean {
    if (typeof waiting === "string") {
      const sending = this.#transport.send(waiting);
      if (sending) this.#question.sent(waiting);
      return sending;
    }
    const sending = this.#transport.send(waiting.pcm);
    if (sending) this.sent(waiting);
    return sending;
  }

  /** After what waits already, be the line up or down. */
  #say(message: Streaming.ClientMessage): void {
    this.#uplink.say(JSON.stringify(message));
  }

  #waits(message: Streaming.ClientMessage): boolean {
    return this.#uplink.holds(JSON.stringify(message));
  }

  /** Now, before everything that waits. */
  #send(message: Streaming.ClientMessage): void {
    this.#transport.send(JSON.stringify(message));
  }
}

/** What a question outlives. */
const SURVIVED: readonly string[] = ["too_fast", "bad_json", "unknown_type", "tool_failed", "tts_failed", "utterance_limit", "reply_limit"];
const COMMIT: Streaming.Commit = { type: "commit" };
const PREROLL_MS = 500;
