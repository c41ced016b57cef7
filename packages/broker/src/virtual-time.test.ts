import type { Duplex } from "node:stream";
import { VirtualClock } from "@ganglion/kernel";
import { expect, onTestFinished, test } from "vitest";
import { startBroker } from "./broker.js";
import type { BrokerOptions } from "./options.js";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;
const NS_PER_MS = 1_000_000;

/** A client inside the process, whose broker lives in the time of `clock`. */
class TimeTraveller {
  received = "";
  private requests = 0;

  private constructor(
    readonly clock: VirtualClock,
    private readonly stream: Duplex,
  ) {
    stream.on("data", (chunk) => (this.received += chunk));
    this.send('CONNECT {"verbose":false,"headers":true}\r\nSUB reply.> r\r\n');
  }

  static async start(options: BrokerOptions): Promise<TimeTraveller> {
    const clock = new VirtualClock();
    const broker = await startBroker({ ...options, clock });
    onTestFinished(() => broker.close());
    return new TimeTraveller(clock, broker.connectInProcess());
  }

  send(text: string): void {
    this.stream.write(text);
  }

  publish(subject: string, payload: string, reply = ""): void {
    this.send(`PUB ${subject} ${reply} ${payload.length}\r\n${payload}\r\n`);
  }

  /** Asks JetStream, and gives back its answer. */
  async ask(verb: string, request: object | "" = ""): Promise<Record<string, unknown>> {
    const inbox = `reply.${++this.requests}`;
    this.publish(`$JS.API.${verb}`, request === "" ? "" : JSON.stringify(request), inbox);
    const answer = new RegExp(`MSG ${inbox} r \\d+\\r\\n(.*)\\r\\n`);
    await expect.poll(() => this.received).toMatch(answer);
    return JSON.parse(answer.exec(this.received)?.[1] ?? "{}");
  }

  count(pattern: RegExp): number {
    return [...this.received.matchAll(pattern)].length;
  }
}

const STREAM = { name: "S", subjects: ["s"], storage: "memory", retention: "limits", num_replicas: 1 };

test("a client that is silent is sent PINGs, and closed when it answers none", async () => {
  const traveller = await TimeTraveller.start({ pingIntervalMs: 60 * SECOND_MS, maxPingsOut: 2 });
  await traveller.clock.advanceAsync(100 * SECOND_MS);
  expect(traveller.count(/^PING\r\n/gm)).toBe(2);
  expect(traveller.received).not.toContain("Stale");
  await traveller.clock.advanceAsync(60 * SECOND_MS);
  await expect.poll(() => traveller.received).toContain("-ERR 'Stale Connection'");
});

test("a message that is not acknowledged comes again after ack_wait, to the second", async () => {
  const client = await TimeTraveller.start({ jetstream: true, pingIntervalMs: 1_000 * HOUR_MS });
  await client.ask("STREAM.CREATE.S", STREAM);
  const config = {
    durable_name: "C",
    ack_policy: "explicit",
    ack_wait: 30 * SECOND_MS * NS_PER_MS,
    deliver_subject: "out",
  };
  client.send("SUB out 1\r\n");
  await client.ask("CONSUMER.DURABLE.CREATE.S.C", { stream_name: "S", config });
  client.publish("s", "hello");
  const delivered = /^MSG s 1 \$JS\.ACK\S+ 5\r$/gm;
  await expect.poll(() => client.count(delivered)).toBe(1);
  await client.clock.advanceAsync(29 * SECOND_MS);
  expect(client.count(delivered)).toBe(1);
  await client.clock.advanceAsync(2 * SECOND_MS);
  await expect.poll(() => client.count(delivered)).toBe(2);
  const ack = client.received.match(/\$JS\.ACK\S+/g)?.at(-1) ?? "";
  client.publish(ack, "+ACK");
  await expect.poll(() => client.ask("CONSUMER.INFO.S.C")).toMatchObject({ num_ack_pending: 0 });
  await client.clock.advanceAsync(HOUR_MS);
  expect(client.count(delivered)).toBe(2);
});

test("messages leave a stream when they are older than max_age", async () => {
  const client = await TimeTraveller.start({ jetstream: true, pingIntervalMs: 1_000 * HOUR_MS });
  await client.ask("STREAM.CREATE.S", {
    ...STREAM,
    max_age: HOUR_MS * NS_PER_MS,
    duplicate_window: SECOND_MS * NS_PER_MS,
  });
  client.publish("s", "old");
  await expect.poll(() => client.ask("STREAM.INFO.S")).toMatchObject({ state: { messages: 1 } });
  await client.clock.advanceAsync(HOUR_MS / 2);
  client.publish("s", "young");
  await expect.poll(() => client.ask("STREAM.INFO.S")).toMatchObject({ state: { messages: 2 } });
  await client.clock.advanceAsync(HOUR_MS / 2 + SECOND_MS);
  await expect
    .poll(() => client.ask("STREAM.INFO.S"))
    .toMatchObject({ state: { messages: 1, first_seq: 2, last_seq: 2 } });
});
