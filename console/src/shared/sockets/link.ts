import type { Duplex } from "@/generated/wire";
import type { CapturedSound } from "@/shared/audio/port";

/**
 * What a conversation tells the page, whichever socket it runs over: the duplex protocol's own messages, and what only
 * a client knows about its line. The turn-based protocol says the same in fewer words; its link fills them in.
 */
export type LinkEvent =
  | Duplex.ServerMessage
  | { type: "lost"; leftS: number }
  /** `resumed`: in the same session; otherwise a new one has taken its place. */
  | { type: "back"; resumed: boolean }
  /** Nothing more of this reply will come, and how much of it was heard is known only here. */
  | { type: "cut"; reply: number }
  | { type: "ended"; code: string };

/** Sound of a reply from sample `offset` on. */
export interface ReplySound {
  reply: number;
  offset: number;
  pcm: Int16Array<ArrayBuffer>;
}

export interface LinkListener {
  event(event: LinkEvent): void;
  sound(sound: ReplySound): void;
}

/** One conversation over one socket, from start to close. */
export interface Link {
  start(): void;
  /** 20 ms of the microphone. */
  captured(sound: CapturedSound): void;
  text(text: string): void;
  /** «Your turn»: the utterance is over. */
  commit(): void;
  /** Stop the reply, keep listening. */
  interrupt(): void;
  played(reply: number, ms: number): void;
  /** Dial now instead of waiting. */
  hurry(): void;
  close(): void;
  /** ms of microphone sound that wait for the line. */
  readonly keptMs: number;
}
