import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatSound, parseMessage, parseSound } from "./binary";

describe("binary messages", () => {
  it("come back as they were sent", () => {
    const u32 = fc.nat(0xffff_ffff);
    fc.assert(
      fc.property(u32, u32, fc.int16Array({ minLength: 1 }), (reply, offset, samples) => {
        const pcm = Int16Array.from(samples);
        expect(parseSound(new Uint8Array(formatSound({ reply, offset, pcm })))).toEqual({ reply, offset, pcm });
      }),
    );
  });

  it("are read from the middle of a buffer, big-endian head and little-endian samples", () => {
    const bytes = new Uint8Array([9, 0, 0, 0, 1, 0, 0, 1, 0, 0x34, 0x12]).subarray(1);
    expect(parseSound(bytes)).toEqual({ reply: 1, offset: 256, pcm: Int16Array.of(0x1234) });
  });

  it("are nothing when cut short or odd", () => {
    for (const length of [0, 7, 8, 9, 11]) expect(parseSound(new Uint8Array(length))).toBeNull();
  });
});

describe("text messages", () => {
  it("are objects with a type, or nothing", () => {
    expect(parseMessage('{"type":"hold","reply":1}')).toEqual({ type: "hold", reply: 1 });
    for (const text of ["", "{", "null", "3", "[]", "{}", '{"type":3}']) expect(parseMessage(text)).toBeNull();
  });
});
