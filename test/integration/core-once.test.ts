import {
  type App,
  contract,
  createApp,
  type DataOut,
  type EventContext,
  event,
  Handler,
  type HandlerContext,
  type In,
  rpc,
  Service,
  Subscriber,
  type TaskContext,
  task,
  Worker,
} from "@ganglion/core";
import { connectNats, type Transport } from "@ganglion/core/internal";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { afterEach, beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";

const Bank = contract("bank", {
  version: "1.0.0",
  transfer: rpc({
    input: z.object({ amount: z.number(), at: z.iso.datetime().optional() }),
    output: z.object({
      balance: z.number(),
      at: z.codec(z.iso.datetime(), z.date(), { decode: (s) => new Date(s), encode: (d) => d.toISOString() }),
    }),
    errors: { TOO_MUCH: z.object({ limit: z.number() }) },
    timeout: "5s",
  }),
  moved: event({ data: z.object({ id: z.string() }) }),
  print: task({ data: z.object({ id: z.string() }) }),
});
type Item = DataOut<typeof Bank.print>;

let broker: TestBroker;
let transport: Transport;
const apps: App[] = [];
let runs: string[] = [];
/** Called by the methods below while they run. */
let during: (id: string, ctx: { readonly signal: AbortSignal }) => unknown = () => {};

@Service(Bank)
class BankService {
  @Handler(Bank.transfer, { once: true })
  async transfer({ amount }: In<typeof Bank.transfer>, ctx: HandlerContext<typeof Bank.transfer>) {
    runs.push(`transfer ${amount}`);
    await during(String(amount), ctx);
    if (amount > 100) throw ctx.error("TOO_MUCH", { limit: 100 });
    return { balance: runs.length, at: "1970-01-01T00:00:00.000Z" };
  }
  @Worker(Bank.print, { once: true, ackWait: "1s", retry: { attempts: 5, backoff: "10ms" } })
  async print({ id }: Item, ctx: TaskContext) {
    runs.push(`print ${id}`);
    await during(id, ctx);
  }
  @Subscriber(Bank.moved, { once: true, retry: { attempts: 3, backoff: "10ms" } })
  async onMoved({ id }: Item, ctx: EventContext) {
    runs.push(`moved ${id}`);
    await during(id, ctx);
  }
}

describeBrokers("once", (startBroker) => {
  beforeEach(async () => {
    runs = [];
    during = () => {};
    broker = await startBroker();
    transport = await connectNats({ servers: broker.url });
  });
  afterEach(async () => {
    for (const app of apps.splice(0).reverse()) await app.stop();
    await transport.close();
    await broker.close();
  });
  const start = async () => {
    const app = await startApp({ services: [BankService], nats: broker.url, stopTimeout: "2s" });
    apps.push(app);
    return app;
  };

  it("a request with the same key gets the stored answer, whoever answered first", async () => {
    const app = await start();
    const key = { idempotencyKey: "t-1" };
    const first = await app.client(Bank).transfer({ amount: 5 }, key);
    expect(await app.client(Bank).transfer({ amount: 5 }, key)).toEqual(first);
    await app.stop();
    const other = await start();
    expect(await other.client(Bank).transfer({ amount: 5 }, key)).toEqual({ balance: 1, at: new Date(0) });
    expect(runs).toEqual(["transfer 5"]);
    await other.client(Bank).transfer({ amount: 5 }, { idempotencyKey: "t-2" });
    await other.client(Bank).transfer({ amount: 6 });
    expect(runs).toHaveLength(3);
  });

  it("a declared error is an answer, any other failure is not", async () => {
    const app = await start();
    const client = app.client(Bank);
    for (let n = 0; n < 2; n++) {
      const refused = await client.transfer.safe({ amount: 500 }, { idempotencyKey: "t-1" });
      expect(refused).toMatchObject({ ok: false, error: { code: "TOO_MUCH", data: { limit: 100 } } });
    }
    expect(runs).toHaveLength(1);
    during = () => {
      throw new Error("disk full");
    };
    expect(await client.transfer.safe({ amount: 5 }, { idempotencyKey: "t-2" })).toMatchObject({
      error: { code: "INTERNAL" },
    });
    during = () => {};
    expect(await client.transfer.safe({ amount: 5 }, { idempotencyKey: "t-2" })).toMatchObject({ ok: true });
  });

  it("requests that come while the first is being worked on wait for its answer", async () => {
    const [here, there] = [await start(), await start()];
    let release = () => {};
    during = () => new Promise<void>((resolve) => (release = resolve));
    const key = { idempotencyKey: "t-1" };
    const calls = [here, there, here, there].map((app) => app.client(Bank).transfer({ amount: 5 }, key));
    await waitFor(() => runs.length > 0);
    release();
    const answers = await Promise.all(calls);
    expect(new Set(answers.map(({ balance }) => balance))).toEqual(new Set([1]));
    expect(runs).toHaveLength(1);
  });

  it("what a process that is gone has begun is taken over, also by callers that wait less than its lease", async () => {
    const app = await start();
    // The record such a process leaves behind.
    const client = app.client(Bank);
    await client.transfer({ amount: 5 }, { idempotencyKey: "t-1" });
    const { subjects = {} } =
      (await transport.jetstream.streams.info("KV_bank-once", { subjectsFilter: ">" })) ?? {};
    const [subject = ""] = Object.keys(subjects);
    await transport.jetstream.append(subject, '{"state":"running","owner":"gone","leaseMs":600}');
    runs = [];
    const codes: string[] = [];
    await waitFor(async () => {
      const result = await client.transfer.safe({ amount: 5 }, { idempotencyKey: "t-1", timeout: "250ms" });
      if (!result.ok) codes.push(result.error.code);
      return result.ok;
    });
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(["TIMEOUT"]));
    expect(runs).toEqual(["transfer 5"]);
  });

  it("a task and an event that come again are not done again", async () => {
    const app = await start();
    await app.enqueue(Bank.print, { id: "1" }, { id: "same" });
    await waitFor(() => runs.length === 1);
    // The id is outside the stream's memory when the stream has another one: the record still knows it.
    await waitFor(async () => (await transport.jetstream.streams.info("bank-tasks"))?.messages === 0);
    await transport.jetstream.append("bank.print", '{"id":"1"}', { headers: [["ce-id", "same"]] });
    await app.emit(Bank.moved, { id: "2" }, { id: "event" });
    await transport.jetstream.append("bank.moved", '{"id":"2"}', { headers: [["ce-id", "event"]] });
    await waitFor(async () => {
      const tasks = await transport.jetstream.consumers.info("bank-tasks", "print");
      const events = await transport.jetstream.consumers.info("bank-events", "bank-moved");
      return tasks?.ackFloorSequence === 2 && events?.ackFloorSequence === 2;
    });
    expect(runs.sort()).toEqual(["moved 2", "print 1"]);
  });

  it("what fails is tried again, and recorded when it succeeds", async () => {
    const app = await start();
    let failures = 2;
    during = () => {
      if (failures-- > 0) throw new Error("not yet");
    };
    await app.enqueue(Bank.print, { id: "1" });
    await waitFor(async () => (await transport.jetstream.streams.info("bank-tasks"))?.messages === 0);
    expect(runs).toHaveLength(3);
  });

  it("of two processes that work on one task, the outcome of the one that took over counts", async () => {
    // The first stops giving signs of life, as a paused process does: its connection is gone.
    const first = await start();
    const ends: (() => void)[] = [];
    during = () => new Promise<void>((resolve) => ends.push(resolve));
    await first.enqueue(Bank.print, { id: "1" });
    await waitFor(() => ends.length === 1);
    const records = () => transport.jetstream.streams.info("KV_bank-once");
    const claimed = (await records())?.lastSequence ?? 0;
    // What another process does that is handed the same task.
    const [subject] = Object.keys(
      (await transport.jetstream.streams.info("KV_bank-once", { subjectsFilter: ">" }))?.subjects ?? {},
    );
    await transport.jetstream.append(subject ?? "", '{"state":"done","value":""}', {
      expectedLastSubjectSequence: claimed,
    });
    ends[0]?.();
    await waitFor(async () => (await transport.jetstream.streams.info("bank-tasks"))?.messages === 0);
    expect(runs).toEqual(["print 1"]);
    expect((await records())?.messages).toBe(1);
  });

  it("is refused for batches, and for handlers that answer with many values", async () => {
    @Service("batches")
    class Batches {
      @Subscriber(Bank.moved, { batch: 10, once: true })
      onMoved() {}
    }
    await expect(createApp({ services: [Batches], nats: broker.url })).rejects.toThrow(
      "Batches.onMoved does its work once and takes batches",
    );
  });
});
