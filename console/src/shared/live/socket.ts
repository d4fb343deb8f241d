import { parseMessage } from "@/shared/sockets/binary";
import { socketUrl, Undialled, type Dial, type Socket } from "@/shared/sockets/transport";
import { PROTOCOL } from "@/generated/wire";
import type { ClientMessage, LiveEvent, ServerMessage, Topic } from "./messages";

export interface LiveListener {
  up(): void;
  lost(): void;
  event(event: LiveEvent): void;
  /** What came meanwhile is not known: everything shown is to be asked for again. */
  stale(): void;
  /** The server let this page in no more: is somebody still signed in? */
  refused(): void;
}

/**
 * The line of news: dialled again until it is closed, from 0.5 s doubling to 30 s; after a drop it goes on from the
 * last event. A line that answers no ping within 10 s counts as lost.
 */
export class LiveSocket {
  #socket: Socket | null = null;
  #attempt = 0;
  #cursor: string | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #pulse: ReturnType<typeof setTimeout> | null = null;
  #over = false;
  /** Grows with each dialling: a ticket that comes late opens nothing. */
  #dialling = 0;

  constructor(
    readonly topics: readonly Topic[],
    readonly listener: LiveListener,
    readonly dial: Dial,
    readonly random: () => number = Math.random,
  ) {}

  start(): void {
    const dialling = ++this.#dialling;
    const failed = (error: unknown): void => {
      if (dialling === this.#dialling) this.#down(error instanceof Undialled ? error.close : 1006);
    };
    Promise.resolve(this.dial(socketUrl("/ws"), [PROTOCOL])).then((socket) => {
      if (this.#over || dialling !== this.#dialling) socket.close(1000);
      else this.#use(socket);
    }, failed);
  }

  close(): void {
    this.#over = true;
    this.#stop();
    this.#drop()?.close(1000);
  }

  /** The network is back: no need to wait. */
  hurry(): void {
    if (this.#retry === null) return;
    this.#stop();
    this.start();
  }

  #use(socket: Socket): void {
    this.#socket = socket;
    const begin = (): void => {
      this.#send({ type: "subscribe", topics: [...this.topics], ...(this.#cursor === null ? {} : { cursor: this.#cursor }) });
    };
    socket.onopen = begin;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#heard(parseMessage<ServerMessage>(data));
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) this.#down(code);
    };
    if (socket.readyState === 1) begin();
  }

  #heard(message: ServerMessage | null): void {
    if (message === null) return;
    switch (message.type) {
      case "subscribed":
        this.#attempt = 0;
        this.#cursor ??= message.cursor;
        this.listener.up();
        this.#beat();
        break;
      case "snapshot_needed":
        this.#cursor = message.cursor;
        this.listener.stale();
        break;
      case "event":
        this.#cursor = message.cursor;
        this.listener.event(message);
        break;
      case "pong":
        this.#cursor = message.cursor;
        this.#beat();
        break;
      case "error":
        break;
    }
  }

  #beat(): void {
    if (this.#pulse !== null) clearTimeout(this.#pulse);
    this.#pulse = setTimeout(() => {
      this.#send({ type: "ping" });
      this.#pulse = setTimeout(() => {
        this.#drop()?.close(1000);
        this.#down(1006);
      }, PONG_MS);
    }, PING_MS);
  }

  #down(code: number): void {
    this.#stop();
    this.#drop();
    if (this.#over) return;
    this.listener.lost();
    if (code === 1008) this.listener.refused();
    const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#attempt, 10)) * (0.75 + this.random() / 2);
    this.#attempt += 1;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.start();
    }, wait);
  }

  #send(message: ClientMessage): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #stop(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (this.#pulse !== null) clearTimeout(this.#pulse);
    this.#retry = this.#pulse = null;
  }

  #drop(): Socket | null {
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }
}

const PING_MS = 20_000;
const PONG_MS = 10_000;
const FIRST_MS = 500;
const LONGEST_MS = 30_000;
