import { type App, contract, Handler, type HandlerContext, type In, rpc, Service } from "@ganglion/core";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, type NatsConnection, RequestStrategy, type ServiceInfo, type ServiceStats } from "nats";
import { afterEach, beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";

const DELAY_MS = 30;
const Calc = contract("calc", {
  version: "1.2.3",
  sum: rpc({ input: z.object({ of: z.array(z.number()) }), output: z.number() }),
  fail: rpc({ input: z.string(), output: z.string(), errors: { SAD: z.object({ why: z.string() }) } }),
  reboot: rpc({ input: z.void(), output: z.void(), subject: "devices.{id}.reboot" }),
});

@Service(Calc, { description: "Sums and fails" })
class CalcService {
  @Handler(Calc.sum)
  async sum({ of }: { of: number[] }, _ctx: HandlerContext<typeof Calc.sum>) {
    await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
    return of.reduce((total, value) => total + value, 0);
  }
  @Handler(Calc.fail)
  async fail(why: string, ctx: HandlerContext<typeof Calc.fail>): Promise<string> {
    await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
    if (why === "declared") throw ctx.error("SAD", { why });
    throw new Error(why);
  }
  @Handler(Calc.reboot) reboot(_input: In<typeof Calc.reboot>, _ctx: HandlerContext<typeof Calc.reboot>) {}
}

/** Names and types of an object's fields, to compare what two services answer. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [shapeOf(value[0])];
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== "data") // what a service tells about itself beside the protocol
      .map(([name, field]) => [name, name === "metadata" ? "metadata" : shapeOf(field)])
      .sort(),
  );
}

async function all<T>(answers: Promise<AsyncIterable<T>>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const answer of await answers) found.push(answer);
  return found;
}

// Source: ADR-32 (Service API), revision 6.
describeBrokers("discovery of a service by NATS micro clients", (start) => {
  let broker: TestBroker;
  let app: App;
  let connection: NatsConnection;
  beforeEach(async () => {
    broker = await start();
    app = await startApp({ services: [CalcService], nats: broker.url });
    connection = await connect({ servers: broker.url });
  });
  afterEach(async () => {
    await connection.close();
    await app.stop();
    await broker.close();
  });
  const client = () => connection.services.client({ maxWait: 300, strategy: RequestStrategy.JitterTimer });

  it("answers as the client library's own services do, field by field", async () => {
    const theirs = await connection.services.add({
      name: "calc",
      version: "1.2.3",
      description: "theirs",
      metadata: { a: "b" },
    });
    theirs.addEndpoint("sum", {
      metadata: { kind: "rpc" },
      handler: (_, message) => void message?.respond(),
    });
    const { id } = theirs.info();
    for (const [verb, kind] of [
      ["PING", "ping_response"],
      ["INFO", "info_response"],
      ["STATS", "stats_response"],
    ] as const) {
      const answers = new Map<boolean, Record<string, unknown>>();
      const subscription = connection.subscribe(`answers.${verb}`, {
        callback: (_, message) => {
          const answer = message.json<Record<string, unknown>>();
          answers.set(answer.id === id, answer);
        },
      });
      connection.publish(`$SRV.${verb}.calc`, "", { reply: `answers.${verb}` });
      await waitFor(() => answers.size === 2);
      subscription.unsubscribe();
      const ours = answers.get(false);
      expect(ours?.type).toBe(`io.nats.micro.v1.${kind}`);
      expect(shapeOf(ours)).toEqual(shapeOf(answers.get(true)));
    }
    await theirs.stop();
  });

  it("is asked of all, of those of a name, and of one", async () => {
    await using second = await startApp({ services: [CalcService], nats: broker.url });
    void second;
    const everybody = await all(client().ping());
    expect(everybody.map(({ name }) => name)).toEqual(["calc", "calc"]);
    const [one, other] = await all(client().ping("calc"));
    expect(one?.id).not.toBe(other?.id);
    expect(await all(client().ping("calc", one?.id))).toEqual([one]);
    expect(await all(client().info("calc", other?.id))).toMatchObject([{ id: other?.id }]);
    expect(await all(client().stats("calc", other?.id))).toMatchObject([{ id: other?.id }]);
    const none = connection.request("$SRV.PING.other", "", { timeout: 2_000 });
    await expect(none).rejects.toMatchObject({ code: "503" });
  });

  it("tells where endpoints listen, and their schemas", async () => {
    const [info] = (await all(client().info("calc"))) as [ServiceInfo];
    expect(info).toMatchObject({ name: "calc", version: "1.2.3", description: "Sums and fails" });
    expect(info.endpoints.map(({ name, subject, queue_group }) => [name, subject, queue_group])).toEqual([
      ["sum", "calc.sum", "calc"],
      ["fail", "calc.fail", "calc"],
      ["reboot", "devices.*.reboot", "calc"],
    ]);
    for (const { metadata } of info.endpoints) {
      expect(Object.values(metadata ?? {}).every((value) => typeof value === "string")).toBe(true);
    }
    const [sum] = info.endpoints;
    expect(JSON.parse(sum?.metadata?.input ?? "")).toMatchObject({
      type: "object",
      properties: { of: { type: "array", items: { type: "number" } } },
      required: ["of"],
    });
    expect(JSON.parse(sum?.metadata?.output ?? "")).toMatchObject({ type: "number" });
  });

  it("counts requests, errors and the time methods take, also while they wait", async () => {
    const startedMs = performance.now();
    const calls = Array.from({ length: 4 }, () => app.client(Calc).sum({ of: [1, 2] }));
    expect(await Promise.all(calls)).toEqual([3, 3, 3, 3]);
    await app.client(Calc).fail.safe("declared");
    await app.client(Calc).fail.safe("unforeseen");
    await connection.request("calc.sum", "no JSON", { timeout: 5_000 });
    const [stats] = (await all(client().stats("calc"))) as [ServiceStats];
    const tookNs = (performance.now() - startedMs) * 1e6;
    const [sum, fail, reboot] = stats.endpoints ?? [];
    expect(sum).toMatchObject({ num_requests: 5, num_errors: 1 });
    expect(sum?.last_error).toContain("BAD_REQUEST");
    expect(sum?.processing_time).toBeGreaterThan(4 * (DELAY_MS - 2) * 1e6); // timers may be a little early
    expect(sum?.processing_time).toBeLessThan(5 * tookNs);
    expect(sum?.average_processing_time).toBe(Math.round((sum?.processing_time ?? 0) / 5));
    expect(fail).toMatchObject({ num_requests: 2, num_errors: 2 });
    expect(fail?.last_error).toContain("INTERNAL");
    expect(reboot).toMatchObject({
      num_requests: 0,
      num_errors: 0,
      processing_time: 0,
      average_processing_time: 0,
    });
    expect(new Date(stats.started).getTime()).toBeLessThanOrEqual(Date.now());
  });

  it("is over when the app stops", async () => {
    await app.stop();
    const gone = connection.request("$SRV.PING.calc", "", { timeout: 2_000 });
    await expect(gone).rejects.toMatchObject({ code: "503" });
  });
});
