import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type TestBroker, tempDirectory, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { expect, it } from "vitest";
import { flowApp } from "../support/flow-app.js";
import { Ledger, type Mood, participant } from "./ledger.js";
import { Voyage } from "./saga-fixture.js";

const WORKER = fileURLToPath(new URL("./saga-worker.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SAGAS = Number(process.env.GANGLION_CRASH_SAGAS ?? 200);
const WORKERS = 3;
const WORKER_KILLS = 12;
const BROKER_KILLS = Number(process.env.GANGLION_CRASH_BROKER_KILLS ?? 3);

/** The workers of a test, one of which dies now and then. */
class Workers implements AsyncDisposable {
  private running: ChildProcess[] = [];
  private readonly ready = new Set<ChildProcess>();
  private stopped = false;

  constructor(private readonly url: string) {
    for (let index = 0; index < WORKERS; index++) this.spawn();
  }

  /** Kills a worker that works. @returns false when none does. */
  killOne(random: number): boolean {
    const victim = [...this.ready][Math.floor(random * this.ready.size)];
    if (victim !== undefined) this.ready.delete(victim);
    return victim?.kill("SIGKILL") === true;
  }

  private spawn(): void {
    const worker = spawn(process.execPath, ["--import", "tsx", WORKER, this.url], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", process.env.DEBUG === undefined ? "ignore" : "inherit"],
    });
    this.running.push(worker);
    worker.stdout?.once("data", () => this.ready.add(worker));
    worker.once("exit", () => {
      this.ready.delete(worker);
      this.running = this.running.filter((other) => other !== worker);
      if (!this.stopped) this.spawn();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopped = true;
    await Promise.all(
      this.running.map((worker) => {
        const exited = once(worker, "exit");
        worker.kill("SIGKILL");
        return exited;
      }),
    );
  }
}

describeBrokers(
  "sagas under kill -9",
  (start, kind) => {
    it(
      `${SAGAS} sagas end right while workers are killed`,
      () => play(start, { brokerKills: 0, seed: seedOf(kind) }),
      120_000,
    );
    // The streams of the broker's own process do not outlive kill -9 yet.
    if (kind !== "nats-server") return;
    it(
      `${SAGAS} sagas end right while workers and the broker are killed`,
      () => play(start, { brokerKills: BROKER_KILLS, seed: seedOf(kind) + 1 }),
      180_000,
    );
  },
  { kinds: ["nats-server", "broker-process"] },
);

function seedOf(kind: string): number {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  console.info(`saga-kill on ${kind}: SEED=${seed}`); // to play a failure again
  return seed;
}

async function play(
  start: () => Promise<TestBroker>,
  { brokerKills, seed }: { readonly brokerKills: number; readonly seed: number },
): Promise<void> {
  const random = randomOf(seed);
  await using directory = await tempDirectory();
  await using broker = await start();
  using ledger = new Ledger(join(directory.path, "effects"), moodOf(seed));
  await using app = await flowApp({ services: [participant(ledger)], url: broker.url });
  await using workers = new Workers(broker.url);
  const ids = Array.from({ length: SAGAS }, (_, index) => `v${index}`);
  const begin = async (id: string) => {
    await insist(() => app.sagas(Voyage).start({ id, input: { n: 1 } }));
    if (random() < 0.9) await insist(() => app.sagas(Voyage).signal(id, "packed"));
  };
  const [early, late] = [ids.slice(0, SAGAS / 2), ids.slice(SAGAS / 2)];
  await Promise.all(early.map(begin)); // wait for the first worker
  let chaotic = true;
  const chaos = wreak({ workers, broker, random: randomOf(seed + 7), brokerKills }).finally(() => {
    chaotic = false;
  });
  for (const id of late) {
    await begin(id);
    if (chaotic) await new Promise((resolve) => setTimeout(resolve, 60)); // so that every kill hits some of them
  }
  await chaos;
  await waitFor(async () => (await app.sagas(Voyage).list({ status: OPEN, limit: 1 })).length === 0, {
    timeoutMs: 90_000,
    intervalMs: 250,
    what: "every saga to end",
  });
  await check(app, ids, ledger);
  console.info(
    `${WORKER_KILLS} workers killed, ${ledger.requests} requests, ${ledger.effects().length} effects`,
  );
}

const OPEN = ["running", "compensating", "suspended", "stuck"] as const;

type Client = Awaited<ReturnType<typeof flowApp>>;

/** Kills workers, and now and then the broker. */
async function wreak(chaos: {
  readonly workers: Workers;
  readonly broker: TestBroker;
  readonly random: () => number;
  readonly brokerKills: number;
}): Promise<void> {
  for (let kills = 1; kills <= WORKER_KILLS; kills++) {
    await new Promise((resolve) => setTimeout(resolve, 400 * chaos.random()));
    await waitFor(() => chaos.workers.killOne(chaos.random()), {
      timeoutMs: 30_000,
      what: "a worker to kill",
    });
    if (chaos.brokerKills > 0 && kills % Math.ceil(WORKER_KILLS / chaos.brokerKills) === 0) {
      await chaos.broker.restart({ signal: "SIGKILL" });
    }
  }
}

/** What the participant does with a key, by chance, but the same in every run of a seed. */
function moodOf(seed: number): (key: string) => Mood {
  return (key) => {
    if (key.endsWith(":compensate")) return "answer";
    const dice = randomOf(seed ^ hashOf(key))();
    if (dice < 0.06) return "refuse";
    if (dice < 0.1) return "silent";
    return dice < 0.14 ? "slow" : "answer";
  };
}

/** The broker may be away. */
async function insist(work: () => Promise<void>): Promise<void> {
  await waitFor(async () => {
    await work();
    return true;
  });
}

/** Every saga has ended, and what the participant did fits how it ended, once per key. */
async function check(app: Client, ids: readonly string[], ledger: Ledger): Promise<void> {
  const effects = ledger.effects();
  expect(new Set(effects).size, "effects are single by key").toBe(effects.length);
  const happened = new Set(effects);
  const outcomes = { completed: 0, compensated: 0, takenOver: 0 };
  for (const id of ids) {
    const snapshot = await app.sagas(Voyage).get(id);
    if (snapshot?.timeline.some(({ what }) => what === "taken over")) outcomes.takenOver++;
    const wrong = `${id}: ${JSON.stringify(snapshot)}`;
    const applied = (step: string) => happened.has(`voyage:${id}:${step}`);
    const undone = (step: string) => happened.has(`voyage:${id}:${step}:compensate`);
    if (snapshot?.status === "completed") {
      outcomes.completed++;
      for (const step of STEPS) expect(applied(step) && !undone(step), wrong).toBe(true);
    } else {
      expect(snapshot?.status, wrong).toBe("compensated");
      outcomes.compensated++;
      for (const step of STEPS) expect(!applied(step) || undone(step), wrong).toBe(true);
      const order = STEPS.filter(undone).map((step) => effects.indexOf(`voyage:${id}:${step}:compensate`));
      if (undone("ticket"))
        expect(Math.min(...order), wrong).toBe(effects.indexOf(`voyage:${id}:ticket:compensate`));
      if (undone("train"))
        expect(Math.max(...order), wrong).toBe(effects.indexOf(`voyage:${id}:train:compensate`));
    }
  }
  expect(outcomes.completed, JSON.stringify(outcomes)).toBeGreaterThan(0);
  expect(outcomes.compensated, JSON.stringify(outcomes)).toBeGreaterThan(0);
  expect(outcomes.takenOver, "kills that hit a saga").toBeGreaterThan(0);
  console.info(JSON.stringify(outcomes));
}

const STEPS = ["train", "hotel", "car", "ticket"] as const;

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash;
}

/** mulberry32: small, and the same on every machine. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
