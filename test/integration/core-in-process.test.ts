import { embedded } from "@ganglion/broker";
import { contract, createApp, Handler, rpc, Service } from "@ganglion/core";
import { expect, test } from "vitest";
import * as z from "zod";

const Echo = contract("echo", {
  version: "1.0.0",
  say: rpc({ input: z.string(), output: z.string() }),
});

@Service(Echo)
class EchoService {
  @Handler(Echo.say)
  say(text: string) {
    return text.toUpperCase();
  }
}

test.each([
  [false, "pipe"],
  [true, "127.0.0.1"],
])("an app on embedded() with thread %s talks to its broker through %s", async (thread, host) => {
  const hosts = new Set<string>();
  const seeHost = {
    info: () => {},
    warn: () => {},
    error: () => {},
    child: () => seeHost,
    debug: (line: string) => void hosts.add(/^(\S+):\d+ - cid:/.exec(line)?.[1] ?? ""),
  };
  await using app = await createApp({
    services: [EchoService],
    nats: embedded({ logger: seeHost, ...(thread && { thread }) }),
  });
  await app.start();
  expect(await app.client(Echo).say("hello")).toBe("HELLO");
  hosts.delete("");
  expect([...hosts]).toEqual([host]);
});
