import type { Duplex } from "@/generated/wire";
import type { CapturedSound } from "@/shared/audio/port";
import { parseMessage, parseSound } from "./binary";
import type { Link, LinkListener } from "./link";
import type { Numbers } from "./numbers";
import { Resumption, type ResumeStore } from "./resumption";
import { socketUrl, Transport, type Dial } from "./transport";
import { Uplink } from "./uplink";

export interface DuplexOptions {
  language: string;
  video: boolean;
  /** 0.5 to 3: how long a silence may last before the turn is over; 1 is usual. */
  patience: number;
  /** Who answers; absent: the server's own choice. */
  app?: string;
  voice?: string;
  /** Instead of what the app tells the model. */
  prompt?: string;
  /** A conversation that was kept and goes on. */
  conversation?: string;
}

/** `/ws/duplex/{session_id}`: hands-free and with camera. */
export class DuplexLink implements Link {
  readonly #transport: Transport;
  readonly #uplink: Uplink;
  readonly #resumption: Resumption;
  #prepared = false;
  #up = false;
  /** `interrupt` was wanted while the line was down. */
  #interrupting = false;
  #unsent: Duplex.ClientMessage[] = [];

  constructor(
    readonly options: DuplexOptions,
    readonly listener: LinkListener,
    readonly numbers: Numbers,
    store: ResumeStore,
    readonly sent: (sound: CapturedSound) => void,
    dial?: Dial,
  ) {
    numbers.restart();
    this.#resumption = new Resumption("duplex", store);
    this.#transport = new Transport(
      () => socketUrl(this.#resumption.path),
      {
        opened: () => {
          this.#send(this.#prepare());
        },
        text: (text) => {
          this.#receive(parseMessage<Duplex.ServerMessage>(text));
        },
        binary: (bytes) => {
          const sound = parseSound(bytes);
          if (sound !== null) listener.sound(numbers.onPage(sound));
        },
        lost: (leftS) => {
          this.#up = false;
          this.#uplink.close();
          listener.event({ type: "lost", leftS });
        },
        ended: (code) => {
          this.#resumption.over();
          listener.event({ type: "ended", code });
        },
      },
      dial,
    );
    this.#uplink = new Uplink((waiting) => {
      if (typeof waiting === "string") return this.#transport.send(waiting);
      const sending = this.#transport.send(waiting.pcm);
      if (sending) sent(waiting);
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
    this.#uplink.push(sound);
  }

  /** Typed words wait for the session; there is no hurry in them. */
  text(text: string): void {
    const message: Duplex.TypedText = { type: "text", text };
    if (this.#up) this.#send(message);
    else if (this.#unsent.length < MOST_UNSENT) this.#unsent.push(message);
  }

  /** After the sound that was spoken before it, be the line up or down. */
  commit(): void {
    const message: Duplex.Commit = { type: "commit" };
    this.#uplink.say(JSON.stringify(message));
  }

  /** While the line is down one is remembered: the server goes on speaking once it is back. */
  interrupt(): void {
    if (this.#up) this.#send({ type: "interrupt" });
    else this.#interrupting = true;
  }

  played(reply: number, ms: number): void {
    const number = this.numbers.replies.onServer(reply);
    if (number !== null) this.#send({ type: "played", reply: number, ms });
  }

  pause(): void {
    if (this.#up) this.#send({ type: "pause" });
  }

  /** From a pause. */
  goOn(): void {
    if (this.#up) this.#send({ type: "resume" });
  }

  /** `at` in ms of the sound sent so far. What the camera saw before the session, or without a line, is not news. */
  video(image: string, at: number): void {
    if (this.#up) this.#send({ type: "video_frame", image, at: Math.round(at) });
  }

  hurry(): void {
    this.#transport.hurry();
  }

  close(): void {
    this.#send({ type: "stop" });
    this.#resumption.over();
    this.#transport.close();
  }

  #prepare(): Duplex.Prepare {
    const { language, video, patience, app, voice, prompt, conversation } = this.options;
    return {
      type: "prepare",
      input: { codec: "pcm16", rate: 16_000 },
      output: { codec: "pcm16", rate: OUTPUT_RATE },
      language,
      video,
      patience,
      ...(app === undefined ? {} : { app }),
      ...(voice === undefined ? {} : { voice }),
      ...(prompt === undefined ? {} : { system_prompt: prompt }),
      ...(conversation === undefined ? {} : { conversation }),
      ...this.#resumption.claim,
    };
  }

  #receive(message: Duplex.ServerMessage | null): void {
    if (message === null) return;
    if (message.type === "error") {
      if (message.fatal) this.#transport.failed(message.code, message.retry_after_s ?? null);
      // A stale token opens nothing any more; a new session does.
      if (message.fatal && message.code === "session_in_use") this.#resumption.forget();
    } else if (message.type === "queue_done" && message.waited_ms > QUEUED_MS && !this.#prepared) {
      this.#uplink.clear();
    } else if (message.type === "prepared") {
      this.#begin(message);
    }
    this.listener.event(this.numbers.onPage(message));
    if (message.type === "prepared") this.#prepareDone(message);
  }

  #begin(message: Duplex.Prepared): void {
    this.#resumption.prepared(message);
    this.#transport.began();
    if (this.#prepared && !message.resumed) this.numbers.restart();
  }

  /** What waited goes out, and then it is news that the line is back. */
  #prepareDone({ resumed }: Duplex.Prepared): void {
    this.#up = true;
    if (this.#interrupting && resumed) this.#send({ type: "interrupt" });
    this.#interrupting = false;
    this.#uplink.open();
    for (const waiting of this.#unsent.splice(0)) this.#send(waiting);
    if (this.#prepared) this.listener.event({ type: "back", resumed });
    this.#prepared = true;
  }

  #send(message: Duplex.ClientMessage): void {
    this.#transport.send(JSON.stringify(message));
  }
}

/** The synthesizers' usual rate; the worklet brings it to the device's. */
const OUTPUT_RATE = 24_000;
/** More typed lines than that without a session are nobody's. */
const MOST_UNSENT = 16;
/** Below this there was no queue to speak of. */
const QUEUED_MS = 500;
