import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import {
  createApp,
  Handler,
  type HandlerContext,
  Service,
  Subscriber,
  type TaskContext,
  Worker,
} from "@ganglion/core";
import { Chaos } from "./contract.js";

interface Item {
  readonly id: string;
}

const [url = "", journal = ""] = process.argv.slice(2);

/** A line is in the file once this returns, whatever becomes of the process. */
function note(kind: string, { id }: Item): void {
  appendFileSync(journal, `${kind} ${id}\n`);
}

/** Short, so that what a killed or paused process held comes back soon. */
const ACK_WAIT = "2s";
/** Killing counts as an attempt: there must be more than a process can be killed. */
const PATIENT = { attempts: 1_000, backoff: "fixed(100ms)" } as const;

@Service(Chaos)
class ChaosService {
  @Handler(Chaos.ask)
  async ask({ id }: Item, _ctx: HandlerContext<typeof Chaos.ask>) {
    await pause(Math.random() * 20);
    return { id };
  }

  @Handler(Chaos.number, { once: true })
  async number(_item: Item, _ctx: HandlerContext<typeof Chaos.number>) {
    await pause(Math.random() * 50);
    return { number: randomUUID() };
  }

  @Worker(Chaos.work, { ackWait: ACK_WAIT, retry: PATIENT })
  async work(item: Item, ctx: TaskContext<typeof Chaos.work>) {
    await pause(Math.random() * 50);
    if (Math.random() < 0.1) throw ctx.retry("by chance");
    note("work", item);
  }

  @Worker(Chaos.poison, { ackWait: ACK_WAIT, retry: { attempts: 3, backoff: "fixed(100ms)" } })
  poison({ id }: Item) {
    throw new Error(`nobody can do ${id}`);
  }

  @Worker(Chaos.apply, { once: true, ackWait: ACK_WAIT, retry: PATIENT })
  async apply({ id }: Item, ctx: TaskContext<typeof Chaos.apply>) {
    await pause(Math.random() * 50);
    await ctx.emit(Chaos.applied, { id });
    if (Math.random() < 0.1) throw ctx.retry("by chance, with the effect done");
  }

  @Subscriber(Chaos.happened, { durable: "audit", ackWait: ACK_WAIT, retry: PATIENT })
  onHappened(item: Item) {
    note("happened", item);
  }
}

const app = await createApp({
  services: [ChaosService],
  nats: { servers: url, reconnectDelay: { min: 20, max: 200 }, waitForServer: "20s" },
  stopTimeout: "10s",
  handleSignals: true,
});
await app.start();
