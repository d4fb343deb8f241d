import { expect, it, vi } from "vitest";

import { FakeLine } from "@/shared/testing/server";
import { Transport, Undialled, type Socket } from "./transport";

function listener() {
  const told: string[] = [];
  return {
    told,
    opened: () => told.push("opened"),
    text: () => undefined,
    binary: () => undefined,
    lost: () => told.push("lost"),
    ended: (code: string) => told.push(`ended ${code}`),
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

it("opens with the socket that a ticket was fetched for", async () => {
  const line = new FakeLine("ws://h", []);
  const heard = listener();
  new Transport(() => "ws://h/ws/duplex/1", heard, () => Promise.resolve(line as Socket)).start();
  await settled();
  line.accept();
  expect(heard.told).toEqual(["opened"]);
});

it("says why it was not let in, where no ticket was given", async () => {
  const heard = listener();
  new Transport(() => "ws://h", heard, () => Promise.reject(new Undialled(1008, "forbidden"))).start();
  await settled();
  expect(heard.told).toEqual(["ended forbidden"]);
});

it("closes a socket whose ticket came after the end", async () => {
  const line = new FakeLine("ws://h", []);
  const close = vi.spyOn(line, "close");
  const transport = new Transport(() => "ws://h", listener(), () => Promise.resolve(line as Socket));
  transport.start();
  transport.close();
  await settled();
  expect(close).toHaveBeenCalledOnce();
});
