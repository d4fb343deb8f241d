import type { Duplex } from "@/generated/wire";
import type { CapturedSound } from "@/shared/audio/port";
import { parseMessage, parseSound } from "./binary";
import type { Link, LinkListener } from "./link";
import type { Numbers } from "./numbers";
import { newSessionId, socketUrl, Transport, type Dial } from "./transport";
import { Uplink } from "./uplink";

export interface DuplexOptions {
  language: string;
  video: boolean;
  patience: number;
  systemPrompt?: string;
}

/** Where a session can be gone on with after a reload of the page. */
export interface ResumeStore {
  load(): { session: string; token: string } | null;
  save(resume: { session: string; token: string } | null): void;
}

/** `/ws/duplex/{session_id}`: hands-free and with camera. */
export class DuplexLink implements Link {
  readonly #transport: Transport;
  readonly #uplink: Uplink;
  #session: string;
  #token: string | null;
  #prepared = false;
  #up = false;
  #unsent: Duplex.ClientMessage[] = [];

  constructor(
    readonly options: DuplexOptions,
    readonly listener: LinkListener,
    readonly numbers: Numbers,
    readonly store: ResumeStore,
    readonly sent: (sound: CapturedSound) => void,
    dial?: Dial,
  ) {
    numbers.restart();
    const kept = store.load();
    this.#session = kept?.session ?? newSessionId();
    this.#token = kept?.token ?? null;
    this.#transport = new Transport(
      () => socketUrl(`/ws/duplex/${this.#session}`),
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
          store.save(null);
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
    this.#uplink.push(sound);
  }

  /** Typed words wait for the session; there is no hurry in them. */
  text(text: string): void {
    const message: Duplex.TypedText = { type: "text", text };
    if (this.#up) this.#send(message);
    else if (this.#unsent.length < MOST_UNSENT) this.#unsent.push(message);
  }

  commit(): void {
    this.#send({ type: "commit" });
  }

  interrupt(): void {
    this.#send({ type: "interrupt" });
  }

  played(reply: number, ms: number): void {
    const number = this.numbers.replies.onServer(reply);
    if (number !== null) this.#send({ type: "played", reply: number, ms });
  }

  pause(): void {
    this.#send({ type: "pause" });
  }

  resume(): void {
    this.#send({ type: "resume" });
  }

  /** `at` in ms of the sound sent so far. */
  video(image: string, at: number): void {
    this.#send({ type: "video_frame", image, at: Math.round(at) });
  }

  hurry(): void {
    this.#transport.hurry();
  }

  close(): void {
    this.#send({ type: "stop" });
    this.store.save(null);
    this.#transport.close();
  }

  #prepare(): Duplex.Prepare {
    const { language, video, patience, systemPrompt } = this.options;
    return {
      type: "prepare",
      input: { codec: "pcm16", rate: 16_000 },
      output: { codec: "pcm16", rate: OUTPUT_RATE },
      language,
      video,
      patience,
      ...(systemPrompt === undefined ? {} : { system_prompt: systemPrompt }),
      ...(this.#token === null ? {} : { resume: this.#token }),
    };
  }

  #receive(message: Duplex.ServerMessage | null): void {
    if (message === null) return;
    if (message.type === "error") {
      this.#transport.failed(message.code, message.retry_after_s ?? null);
      // A stale token opens nothing any more; a new session does.
      if (message.fatal && message.code === "session_in_use") this.#forget();
    } else if (message.type === "queue_done" && message.waited_ms > QUEUED_MS && !this.#prepared) {
      this.#uplink.clear();
    } else if (message.type === "prepared") {
      this.#begin(message);
    }
    this.listener.event(this.numbers.onPage(message));
  }

  #begin(message: Duplex.Prepared): void {
    this.#token = message.resume;
    this.#session = message.session_id;
    this.store.save({ session: this.#session, token: this.#token });
    this.#transport.began();
    if (this.#prepared && !message.resumed) this.numbers.restart();
    this.#up = true;
    this.#uplink.open();
    for (const waiting of this.#unsent.splice(0)) this.#send(waiting);
    if (this.#prepared) this.listener.event({ type: "back" });
    this.#prepared = true;
  }

  #forget(): void {
    this.#token = null;
    this.#session = newSessionId();
    this.store.save(null);
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
