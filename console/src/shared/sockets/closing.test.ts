import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ERRORS } from "@/generated/wire";
import { afterClose, backoff } from "./closing";

const closed = { code: "", retryAfterS: null, attempt: 0, began: true };

describe("after a close", () => {
  it.each([1000, 1001, 1008, 1009])("%i is final", (close) => {
    expect(afterClose({ ...closed, close, code: "replaced" }, 0.5)).toEqual({ do: "end", code: "replaced" });
  });

  it("1011 is tried once, after 1 to 3 s", () => {
    expect(afterClose({ ...closed, close: 1011 }, 0)).toEqual({ do: "retry", afterMs: 1000 });
    expect(afterClose({ ...closed, close: 1011, attempt: 1 }, 0).do).toBe("end");
  });

  it("1012 goes on elsewhere after 0.2 to 2 s", () => {
    expect(afterClose({ ...closed, close: 1012 }, 1)).toEqual({ do: "retry", afterMs: 2000 });
  });

  it("1013 tells a newcomer at once, and lets a running session come back when the server says", () => {
    expect(afterClose({ ...closed, close: 1013, code: "queue_full", began: false }, 0)).toEqual({ do: "end", code: "queue_full" });
    expect(afterClose({ ...closed, close: 1013, retryAfterS: 4, attempt: 1 }, 0.5)).toEqual({ do: "retry", afterMs: 8000 });
  });

  it("an unknown one shows its number or is tried again, from 0.25 to 4 s give or take a quarter", () => {
    expect(afterClose({ ...closed, close: 1008 }, 0)).toEqual({ do: "end", code: "1008" });
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const ms = backoff(attempt, random);
        expect(ms).toBeGreaterThanOrEqual(187);
        expect(ms).toBeLessThanOrEqual(5000);
      }),
    );
  });

  it("knows what every code of the server does", () => {
    for (const close of new Set(Object.values(ERRORS))) if (close !== null) expect(afterClose({ ...closed, close }, 0)).toBeDefined();
  });
});
