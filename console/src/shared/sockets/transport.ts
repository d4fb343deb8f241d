import { PROTOCOL } from "@/generated/wire";
import { afterClose } from "./closing";

/** The part of a WebSocket that is used here; tests bring their own. */
export interface Socket {
  binaryType: BinaryType;
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: string | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
}

/** Opens a socket, at once or after a ticket for it was fetched. A promise that fails says why nobody opened. */
export type Dial = (url: string, protocols: string[]) => Socket | Promise<Socket>;

/** Why a socket was never opened; `close` is the code that the server would have closed it with. */
export class Undialled extends Error {
  override readonly name = "Undialled";

  constructor(
    readonly close: number,
    readonly code: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(code);
  }
}

export interface TransportListener {
  opened(): void;
  text(text: string): void;
  binary(bytes: Uint8Array): void;
  /** The line is down; the next attempt comes by itself. `leftS`: how long the session is still kept. */
  lost(leftS: number): void;
  ended(code: string): void;
}

/** Seconds that a session is kept after its line is gone. */
export const KEPT_S = 60;

/**
 * One session's line: dialled again after a drop until the session is given up. Which message means that the session
 * has begun, and what is said after each opening, is the protocol's business.
 */
export class Transport {
  #socket: Socket | null = null;
  /** The attempt whose ticket is being fetched; an older one's socket is of no use. */
  #dialling: symbol | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #attempt = 0;
  #lostAt: number | null = null;
  #began = false;
  #over = false;
  #error: { code: string; retryAfterS: number | null } | null = null;

  constructor(
    readonly url: () => string,
    readonly listener: TransportListener,
    readonly dial: Dial = (url, protocols) => new WebSocket(url, protocols),
    readonly random: () => number = Math.random,
  ) {}

  start(): void {
    const dialled = this.dial(this.url(), [PROTOCOL]);
    if (!(dialled instanceof Promise)) {
      this.#use(dialled);
      return;
    }
    const attempt = (this.#dialling = Symbol());
    dialled.then(
      (socket) => {
        if (this.#dialling === attempt && !this.#over) this.#use(socket);
        else socket.close(1000);
      },
      (error: unknown) => {
        if (this.#dialling !== attempt) return;
        const { close, code, retryAfterS } = error instanceof Undialled ? error : new Undialled(1006, "");
        if (code !== "") this.failed(code, retryAfterS);
        this.#closed(close, code);
      },
    );
  }

  #use(socket: Socket): void {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.listener.opened();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.listener.text(data);
      else if (data instanceof ArrayBuffer) this.listener.binary(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#closed(code, reason);
    };
  }

  /** The session has begun, or goes on: from here on it is worth coming back to. */
  began(): void {
    this.#began = true;
    this.#attempt = 0;
    this.#lostAt = null;
    this.#error = null;
  }

  /** Remember the fatal error that the server named before it closes. */
  failed(code: string, retryAfterS: number | null): void {
    this.#error = { code, retryAfterS };
  }

  /** False when the line is down; nothing is kept here. */
  send(data: string | ArrayBuffer): boolean {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(data);
    return true;
  }

  /** Dial now instead of waiting for the next attempt. */
  hurry(): void {
    if (this.#retry === null) return;
    this.#stopRetry();
    this.start();
  }

  close(): void {
    this.#over = true;
    this.#dialling = null;
    this.#stopRetry();
    this.#drop()?.close(1000);
  }

  #closed(close: number, reason: string): void {
    this.#drop();
    if (this.#over) return;
    this.#lostAt ??= Date.now();
    const left = KEPT_S - (Date.now() - this.#lostAt) / 1000;
    const { code, retryAfterS } = this.#error ?? { code: reason, retryAfterS: null };
    const next = afterClose({ close, code, retryAfterS, attempt: this.#attempt, began: this.#began }, this.random());
    if (next.do === "end" || left <= 0) {
      this.#over = true;
      this.listener.ended(next.do === "end" ? next.code : this.#began ? "expired" : "unreachable");
      return;
    }
    this.#attempt += 1;
    this.#error = null;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.start();
    }, next.afterMs);
    // What has never been up is not lost: it is still being dialled.
    if (this.#began) this.listener.lost(left);
  }

  #drop(): Socket | null {
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }

  #stopRetry(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }
}

/** The address of a WebSocket of the server that this page came from. */
export function socketUrl(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** An id that nobody can guess: it names the session in the address. */
export function newSessionId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}
