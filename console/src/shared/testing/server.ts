import type { Duplex, Streaming } from "@/generated/wire";
import { formatSound, parseMessage } from "@/shared/sockets/binary";
import type { Socket } from "@/shared/sockets/transport";

type Heard = Duplex.ClientMessage | Streaming.ClientMessage;
type Said = Duplex.ServerMessage | Streaming.ServerMessage;

/** A server in memory: the test reads what the page sent and says what the server would. One line per dialling. */
export class FakeServer {
  readonly lines: FakeLine[] = [];

  readonly dial = (url: string, protocols: string[]): Socket => {
    const line = new FakeLine(url, protocols);
    this.lines.push(line);
    return line;
  };

  /** The newest line. */
  get line(): FakeLine {
    const line = this.lines.at(-1);
    if (line === undefined) throw new Error("nobody has dialled");
    return line;
  }
}

export class FakeLine implements Socket {
  binaryType: BinaryType = "blob";
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  readonly heard: Heard[] = [];
  /** Everything in its order: the types of messages, and how much sound came between them. */
  readonly order: string[] = [];
  soundBytes = 0;
  #soundMs = 0;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send(data: string | ArrayBuffer): void {
    if (typeof data !== "string") {
      this.soundBytes += data.byteLength;
      if (this.#soundMs > 0) this.order.pop();
      this.#soundMs += data.byteLength / 32;
      this.order.push(`${this.#soundMs} ms`);
      return;
    }
    const message = parseMessage<Heard>(data);
    if (message === null) return;
    this.#soundMs = 0;
    this.heard.push(message);
    this.order.push(message.type);
  }

  close(): void {
    this.readyState = 3;
  }

  // ── the test's side ──

  accept(): this {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
    return this;
  }

  say(...messages: Said[]): this {
    for (const message of messages) this.#deliver(JSON.stringify(message));
    return this;
  }

  sound(reply: number, offset: number, samples: number): this {
    this.#deliver(formatSound({ reply, offset, pcm: new Int16Array(samples) }));
    return this;
  }

  /** The line breaks (1006), or the server closes it. */
  drop(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason } as CloseEvent);
  }

  /** Messages of this type, in order. */
  of<T extends Heard["type"]>(type: T): Extract<Heard, { type: T }>[] {
    return this.heard.filter((message): message is Extract<Heard, { type: T }> => message.type === type);
  }

  #deliver(data: string | ArrayBuffer): void {
    this.onmessage?.({ data } as MessageEvent<unknown>);
  }
}

export function prepared(change: Partial<Duplex.Prepared> = {}): Duplex.Prepared {
  return {
    type: "prepared",
    session_id: "session-0001",
    resume: "token-1",
    processor: "cascade",
    input: { codec: "pcm16", rate: 16_000 },
    output: { codec: "pcm16", rate: 24_000 },
    languages: { heard: ["en"], spoken: ["en", "zh"] },
    limits: {},
    sends_to: [],
    retention: { transcript_days: 0, recording_days: 0, recording: "off" },
    resumed: false,
    ...change,
  };
}
