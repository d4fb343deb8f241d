import { AUDIO_HEADER_BYTES } from "@/generated/wire";
import { fromBytes } from "@/shared/audio/pcm";
import type { ReplySound } from "./link";

/** A binary message: `reply` and `offset` as u32 big-endian, then 16-bit samples. Null when it is no such thing. */
export function parseSound(bytes: Uint8Array): ReplySound | null {
  const length = bytes.byteLength - AUDIO_HEADER_BYTES;
  if (length <= 0 || length % 2 !== 0) return null;
  const head = new DataView(bytes.buffer, bytes.byteOffset, AUDIO_HEADER_BYTES);
  return { reply: head.getUint32(0), offset: head.getUint32(4), pcm: fromBytes(bytes.subarray(AUDIO_HEADER_BYTES)) };
}

export function formatSound({ reply, offset, pcm }: ReplySound): ArrayBuffer {
  const message = new ArrayBuffer(AUDIO_HEADER_BYTES + 2 * pcm.length);
  const view = new DataView(message);
  view.setUint32(0, reply);
  view.setUint32(4, offset);
  pcm.forEach((sample, i) => {
    view.setInt16(AUDIO_HEADER_BYTES + 2 * i, sample, true);
  });
  return message;
}

/** A JSON object with a `type`, or null: a newer server may say what this page does not know. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the one place where JSON gets its type
export function parseMessage<T extends { type: string }>(text: string): T | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" ? (value as T) : null;
  } catch {
    return null;
  }
}
