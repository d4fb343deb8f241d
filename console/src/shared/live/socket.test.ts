import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Socket } from "@/shared/sockets/transport";
import type { ClientMessage, LiveEvent, ServerMessage } from "./messages";
import { LiveSocket } from "./socket";

class Line implements Socket {
  binaryType: BinaryType = "blob";
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  readonly heard: ClientMessage[] = [];

  send(data: string | ArrayBuffer): void {
    this.heard.push(JSON.parse(data as string) as ClientMessage);
  }

  close(): void {
    this.readyState = 3;
  }

  accept(): this {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
    return this;
  }

  say(message: ServerMessage): this {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent<unknown>);
    return this;
  }

  drop(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" } as CloseEvent);
  }
}

function watching() {
  const lines: Line[] = [];
  const told: string[] = [];
  const events: LiveEvent[] = [];
  const socket = new LiveSocket(
    ["users", "audit"],
    {
      up: () => told.push("up"),
      lost: () => told.push("lost"),
      event: (event) => events.push(event),
      stale: () => told.push("stale"),
      refused: () => told.push("refused"),
    },
    () => {
      const line = new Line();
      lines.push(line);
      return line;
    },
    () => 0.5,
  );
  socket.start();
  return { socket, lines, told, events };
}

const settled = () => vi.advanceTimersByTimeAsync(0);
const event = (cursor: string): ServerMessage => ({ type: "event", cursor, topic: "users", kind: "changed", id: "7", data: {} });

describe("the line of news", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("location", { href: "http://h/users" });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("asks for its topics and, after a drop, for what came since the last event", async () => {
    const { lines, told, events } = watching();
    await settled();
    lines[0]?.accept().say({ type: "subscribed", topics: ["users"], cursor: "5" }).say(event("6"));
    expect(lines[0]?.heard).toEqual([{ type: "subscribe", topics: ["users", "audit"] }]);
    expect(events.map(({ cursor }) => cursor)).toEqual(["6"]);
    lines[0]?.drop(1006);
    expect(told).toEqual(["up", "lost"]);
    await vi.advanceTimersByTimeAsync(600);
    lines[1]?.accept();
    expect(lines[1]?.heard).toEqual([{ type: "subscribe", topics: ["users", "audit"], cursor: "6" }]);
  });

  it("tells that all is stale where the server does not know what came meanwhile", async () => {
    const { lines, told } = watching();
    await settled();
    lines[0]?.accept().say({ type: "snapshot_needed", cursor: "90" });
    expect(told).toContain("stale");
  });

  it("waits twice as long each time, never more than 30 s, and at once when the network is back", async () => {
    const { socket, lines } = watching();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      await settled();
      const before = Date.now();
      lines.at(-1)?.drop(1006);
      const count = lines.length;
      while (lines.length === count) await vi.advanceTimersByTimeAsync(250);
      waits.push(Date.now() - before);
    }
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    await settled();
    lines.at(-1)?.drop(1006);
    const count = lines.length;
    socket.hurry();
    await settled();
    expect(lines.length).toBe(count + 1);
  });

  it("counts as lost when a ping has no answer", async () => {
    const { lines, told } = watching();
    await settled();
    lines[0]?.accept().say({ type: "subscribed", topics: [], cursor: "1" });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(lines[0]?.heard.at(-1)).toEqual({ type: "ping" });
    lines[0]?.say({ type: "pong", cursor: "1" });
    await vi.advanceTimersByTimeAsync(29_000);
    expect(told).toEqual(["up"]);
    await vi.advanceTimersByTimeAsync(1100);
    expect(told).toEqual(["up", "lost"]);
  });

  it("asks who is signed in when it is let in no more", async () => {
    const { lines, told } = watching();
    await settled();
    lines[0]?.accept().drop(1008);
    expect(told).toEqual(["lost", "refused"]);
  });

  it("stays closed once it is closed", async () => {
    const { socket, lines } = watching();
    await settled();
    socket.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(lines.length).toBe(1);
  });
});
