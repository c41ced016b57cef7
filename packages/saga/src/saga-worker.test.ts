import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineSaga, type SagaDefinition, type StepOptions } from "./definition.js";
import { sagaError } from "./errors.js";
import { hasEnded, type SagaEntry } from "./journal.js";
import type { StepRetry } from "./retry.js";
import type { Attempt, StepBody } from "./step-runner.js";
import { SimulatedCluster, type SimulatedClusterOptions } from "./testing/simulated-cluster.js";

const LEASE_MS = 3_000;

function saga(steps: Record<string, StepOptions>): SagaDefinition {
  return defineSaga({
    name: "checkout",
    options: { input: z.any() },
    steps: Object.entries(steps).map(([name, options]) => ({ name, options })),
    hasMethod: () => true,
  });
}

/** What a step does: `lost` has its effect and then fails without saying so. */
type Behaviour = "ok" | "reject" | "lost" | "fails" | "once lost";

/** A participant that honours idempotency keys, as the ledger of all effects. */
class Ledger {
  readonly effects: string[] = [];
  readonly calls = new Map<string, number>();

  apply(key: string): void {
    if (!this.effects.includes(key)) this.effects.push(key);
  }

  call(key: string): number {
    const count = (this.calls.get(key) ?? 0) + 1;
    this.calls.set(key, count);
    return count;
  }

  /** Effects of one saga without its id. */
  of(id: string): string[] {
    return this.effects
      .filter((key) => key.startsWith(`checkout:${id}:`))
      .map((key) => key.slice(`checkout:${id}:`.length));
  }
}

function bodies(ledger: Ledger, plan: Record<string, Behaviour>) {
  return (hop: (point: string) => Promise<void>): StepBody => ({
    classify: (error) => {
      const rejected = (error as { code?: string }).code === "SAGA_STEP_REJECTED";
      return { definite: rejected, retryable: !rejected };
    },
    invoke: async ({ key, step, compensation }: Attempt) => {
      await hop(`before ${key}`);
      const call = ledger.call(key);
      const behaviour = compensation ? "ok" : (plan[step] ?? "ok");
      if (behaviour === "reject") throw sagaError("SAGA_STEP_REJECTED", "no");
      if (behaviour !== "fails") ledger.apply(key);
      await hop(`after ${key}`);
      if (behaviour === "lost" || behaviour === "fails" || (behaviour === "once lost" && call === 1)) {
        throw sagaError("SAGA_STEP_TIMEOUT", "no answer");
      }
      return { from: step };
    },
  });
}

const FAST_RETRY: StepRetry = { attempts: 2, backoff: "exponential(10ms, 10ms)" };
const STEPS: Record<string, StepOptions> = {
  a: { compensate: "ua", retry: FAST_RETRY },
  b: { compensate: "ub", after: ["a"], retry: FAST_RETRY },
  c: { compensate: "uc", after: ["b"], retry: FAST_RETRY },
};

interface Played {
  readonly cluster: SimulatedCluster;
  readonly ledger: Ledger;
  readonly entries: SagaEntry[];
  readonly points: number;
}

interface Scenario extends Partial<Omit<SimulatedClusterOptions, "crash" | "definition">> {
  readonly definition?: SagaDefinition;
  readonly plan?: Record<string, Behaviour>;
  /** Crashes the process that passes this point, counted over all processes from 0. */
  readonly crashAt?: readonly number[];
  readonly act?: (cluster: SimulatedCluster) => Promise<void>;
}

/** Starts saga `s1` on two processes, plays it to its end and checks what must hold for every history. */
async function play({
  definition = saga(STEPS),
  plan = {},
  crashAt = [],
  act,
  ...rest
}: Scenario): Promise<Played> {
  const ledger = new Ledger();
  const entries: SagaEntry[] = [];
  let points = 0;
  const cluster = new SimulatedCluster({
    definition,
    body: bodies(ledger, plan),
    leaseMs: LEASE_MS,
    ...rest,
    crash: () => crashAt.includes(points++),
    onEntry: (entry) => entries.push(entry),
  });
  cluster.startProcess();
  cluster.startProcess();
  cluster.publish("s1", { kind: "start", input: { total: 1 }, trace: {} });
  await act?.(cluster);
  for (let round = 0; round < 40 && !isOver(cluster); round++) {
    while (cluster.aliveCount < 2) cluster.startProcess();
    await cluster.clock.advanceAsync(LEASE_MS / 2);
  }
  checkHistory({ cluster, ledger, entries, points });
  return { cluster, ledger, entries, points };
}

function isOver(cluster: SimulatedCluster): boolean {
  const entry = cluster.entry("s1");
  return entry !== undefined && hasEnded(entry.status) && cluster.pendingCount === 0;
}

function checkHistory({ cluster, ledger, entries }: Played): void {
  const last = cluster.entry("s1");
  expect(last && hasEnded(last.status), `ended, not ${last?.status}`).toBe(true);
  expect(cluster.pendingCount, "un-acked triggers").toBe(0);
  expect(
    new Set(entries.map((entry) => `${entry.nonce} ${entry.applied}`)).size,
    "one winner per revision",
  ).toBe(entries.length);
  const effects = ledger.of("s1");
  const { steps } = cluster.options.definition;
  const done = effects.filter((effect) => steps.get(effect)?.compensate !== undefined);
  const undone = effects
    .filter((effect) => effect.endsWith(":compensate"))
    .map((effect) => effect.split(":")[0]);
  if (last?.status === "completed") expect(undone).toEqual([]);
  else {
    expect([...undone].sort()).toEqual(expect.arrayContaining([...done].sort()));
    const order = (last?.ended ?? []).filter((name) => undone.includes(name)).reverse(); // a step in doubt may have no effect
    expect(undone, "undone in the reverse order of completion").toEqual(order);
  }
}

describe("without faults", () => {
  it("completes with N + 1 entries for N steps, acked", async () => {
    const { entries, ledger } = await play({});
    expect(entries.map((entry) => entry.status)).toEqual(["running", "running", "running", "completed"]);
    expect(ledger.of("s1")).toEqual(["a", "b", "c"]);
  });

  it("a rejection compensates what was done, in reverse", async () => {
    const { ledger, cluster } = await play({ plan: { c: "reject" } });
    expect(ledger.of("s1")).toEqual(["a", "b", "b:compensate", "a:compensate"]);
    expect(cluster.entry("s1")?.failure).toMatchObject({ step: "c", code: "SAGA_STEP_REJECTED" });
  });

  it("a step without an answer is compensated too, after its attempts", async () => {
    const { ledger } = await play({ plan: { b: "lost" } });
    expect(ledger.of("s1")).toEqual(["a", "b", "b:compensate", "a:compensate"]);
    expect(ledger.calls.get("checkout:s1:b")).toBe(2);
  });

  it("a retry with the same key succeeds where the first attempt got no answer", async () => {
    const { ledger, cluster } = await play({ plan: { b: "once lost" } });
    expect(cluster.entry("s1")?.status).toBe("completed");
    expect(ledger.of("s1")).toEqual(["a", "b", "c"]);
  });

  it("two starts of one saga run it once", async () => {
    const { ledger, entries } = await play({
      act: async (cluster) => cluster.publish("s1", { kind: "start", input: {}, trace: {} }),
    });
    expect(entries).toHaveLength(4);
    expect(ledger.calls.get("checkout:s1:a")).toBe(1);
  });

  it("a long backoff is waited for without a worker", async () => {
    const definition = saga({ a: { retry: { attempts: 2, backoff: "5s" } } });
    const { entries } = await play({ definition, plan: { a: "once lost" } });
    expect(entries.map((entry) => entry.status)).toEqual(["running", "suspended", "running", "completed"]);
  });

  it("a step that outlives the lease keeps the saga", async () => {
    const definition = saga({ a: { timeout: "20s" } });
    const ledger = new Ledger();
    const cluster: SimulatedCluster = new SimulatedCluster({
      definition,
      leaseMs: LEASE_MS,
      body: () => ({
        classify: () => ({ definite: false, retryable: false }),
        invoke: ({ key }) => {
          ledger.call(key);
          return new Promise((resolve) => cluster.clock.schedule(10_000, () => resolve(1)));
        },
      }),
    });
    cluster.startProcess();
    cluster.startProcess();
    cluster.publish("s1", { kind: "start", input: {}, trace: {} });
    await cluster.clock.advanceAsync(12_000);
    expect(cluster.entry("s1")?.status).toBe("completed");
    expect(ledger.calls.get("checkout:s1:a")).toBe(1);
  });

  it("a step that throws the code of its timeout is aborted then", async () => {
    const definition = saga({ a: { timeout: "1s", retry: { attempts: 1 }, compensate: "ua" } });
    let aborted = false;
    const cluster = new SimulatedCluster({
      definition,
      leaseMs: LEASE_MS,
      body: () => ({
        classify: () => ({ definite: false, retryable: true }),
        invoke: ({ limit, compensation }) => {
          limit.signal.addEventListener("abort", () => {
            aborted = true;
          });
          return compensation ? Promise.resolve() : new Promise(() => {});
        },
      }),
    });
    cluster.startProcess();
    cluster.publish("s1", { kind: "start", input: {}, trace: {} });
    await cluster.clock.advanceAsync(1_500);
    expect(aborted).toBe(true);
    expect(cluster.entry("s1")).toMatchObject({
      status: "compensated",
      failure: { code: "SAGA_STEP_TIMEOUT" },
    });
  });
});

describe("signals", () => {
  const definition = saga({
    a: { compensate: "ua" },
    w: { waitFor: "paid", timeout: "5s", compensate: "uw" },
    z: { after: ["w"] },
  });

  it("wakes a suspended saga", async () => {
    const { cluster } = await play({
      definition,
      act: async (sim) => {
        await sim.clock.advanceAsync(100);
        expect(sim.entry("s1")?.status).toBe("suspended");
        sim.publish("s1", { kind: "signal", name: "paid", data: 1 });
      },
    });
    expect(cluster.entry("s1")?.status).toBe("completed");
  });

  it("not in time: the timer compensates", async () => {
    const { ledger } = await play({ definition });
    expect(ledger.of("s1")).toEqual(["a", "a:compensate"]);
  });

  it("noted in the journal of a saga another worker holds, which goes on with it", async () => {
    const gate: { open?: () => void } = {};
    const seen: unknown[] = [];
    const cluster = new SimulatedCluster({
      definition,
      leaseMs: LEASE_MS,
      body: () => ({
        classify: () => ({ definite: false, retryable: false }),
        invoke: async ({ step, event }) => {
          seen.push([step, event]);
          if (step === "a") await new Promise<void>((resolve) => Object.assign(gate, { open: resolve }));
          return 1;
        },
      }),
    });
    const [first, second] = [cluster.startProcess(), cluster.startProcess()];
    cluster.publish("s1", { kind: "start", input: {}, trace: {} });
    await cluster.clock.advanceAsync(1);
    const idle = first.worker.activeCount === 0 ? first : second;
    cluster.publish("s1", { kind: "signal", name: "paid", data: "cash" });
    await cluster.clock.advanceAsync(1);
    expect(idle.worker.activeCount).toBe(0);
    expect(cluster.entry("s1")).toMatchObject({
      owner: expect.not.stringMatching(idle.name),
      signals: [{ data: "cash" }],
    });
    gate.open?.();
    await cluster.clock.advanceAsync(10);
    expect(cluster.entry("s1")?.status).toBe("completed");
    expect(seen).toEqual([
      ["a", undefined],
      ["w", "cash"],
      ["z", undefined],
    ]);
    await cluster.clock.advanceAsync(6_000); // a timer for the wait that was not needed comes and goes
    expect(cluster.pendingCount).toBe(0);
  });
});

describe("crashes", () => {
  const plans: Record<string, Record<string, Behaviour>> = {
    success: {},
    rejection: { c: "reject" },
    "no answer": { b: "lost" },
    "no answer once": { b: "once lost" },
    "no effect, no answer": { c: "fails" },
  };

  for (const [name, plan] of Object.entries(plans)) {
    it(`killed at any point, it ends as it would have: ${name}`, async () => {
      const clean = await play({ plan });
      for (let point = 0; point < clean.points; point++) {
        const crashed = await play({ plan, crashAt: [point] });
        expect(crashed.cluster.entry("s1")?.status, `killed at point ${point}`).toBe(
          clean.cluster.entry("s1")?.status,
        );
      }
      expect(clean.points).toBeGreaterThan(10);
    });
  }

  it("killed at any point while it waits or its signal arrives, nothing is lost", async () => {
    const definition = saga({ a: { compensate: "ua" }, w: { waitFor: "paid" }, z: { after: ["w"] } });
    const scenario: Scenario = {
      definition,
      act: async (cluster) => {
        await cluster.clock.advanceAsync(100);
        cluster.publish("s1", { kind: "signal", name: "paid", data: 1 });
      },
    };
    const clean = await play(scenario);
    for (let point = 0; point < clean.points; point++) {
      const { cluster } = await play({ ...scenario, crashAt: [point] });
      expect(cluster.entry("s1")?.status, `killed at point ${point}`).toBe("completed");
    }
  });

  it("random histories of parallel steps, failures, signals, cancels and kills keep the rules", async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    for (let round = 0; round < 150; round++) {
      const random = randomOf(seed + round);
      const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T;
      const parallel = saga({
        a: { compensate: "ua", retry: FAST_RETRY },
        b: { compensate: "ub", after: ["a"], retry: FAST_RETRY },
        c: { compensate: "uc", after: ["a"], retry: { attempts: 2, backoff: "2s" } },
        w: { after: ["a"], waitFor: "paid", timeout: "4s", onTimeout: "late" },
        d: { compensate: "ud", after: ["b", "c", "w"], retry: FAST_RETRY },
      });
      const behaviours = ["ok", "ok", "ok", "reject", "lost", "once lost", "fails"] as const;
      const plan = Object.fromEntries(["a", "b", "c", "d"].map((step) => [step, pick(behaviours)]));
      const crashAt = Array.from({ length: Math.floor(random() * 6) }, () => Math.floor(random() * 60));
      const act = async (cluster: SimulatedCluster) => {
        await cluster.clock.advanceAsync(random() * 20);
        if (random() < 0.5) cluster.publish("s1", { kind: "signal", name: "paid", data: 1 });
        if (random() < 0.2) cluster.publish("s1", { kind: "cancel", reason: "test" });
        if (random() < 0.2) cluster.publish("s1", { kind: "start", input: {}, trace: {} });
        if (random() < 0.2) cluster.publish("s1", { kind: "wake" });
      };
      try {
        await play({ definition: parallel, plan, crashAt, act });
      } catch (error) {
        throw new Error(`SEED=${seed + round} ${JSON.stringify({ plan, crashAt })}: ${error}`, {
          cause: error,
        });
      }
    }
  });

  it("a saga that kills every worker is stuck, and others go on", async () => {
    const cluster = new SimulatedCluster({
      definition: saga({ a: {} }),
      leaseMs: LEASE_MS,
      maxTakeovers: 3,
      body: (hop) => ({
        classify: () => ({ definite: false, retryable: false }),
        invoke: async ({ id }) => {
          await hop(id);
          return 1;
        },
      }),
      crash: (_, point) => point === "poison",
    });
    cluster.publish("poison", { kind: "start", input: {}, trace: {} });
    cluster.publish("fine", { kind: "start", input: {}, trace: {} });
    for (let round = 0; round < 30; round++) {
      while (cluster.aliveCount < 2) cluster.startProcess();
      await cluster.clock.advanceAsync(LEASE_MS / 2);
    }
    expect(cluster.entry("poison")).toMatchObject({
      status: "stuck",
      stuck: "3 workers vanished while they held it",
    });
    expect(cluster.entry("fine")?.status).toBe("completed");
    expect(cluster.pendingCount).toBe(0);
  });
});

it("stop gives a saga to another worker at once, with the interrupted step in doubt", async () => {
  const calls: string[] = [];
  const cluster = new SimulatedCluster({
    definition: saga({ a: {}, b: {} }),
    leaseMs: 60_000,
    body: () => ({
      classify: () => ({ definite: false, retryable: false }),
      invoke: ({ step }) => {
        calls.push(step);
        return calls.length === 1 ? new Promise(() => {}) : Promise.resolve(1);
      },
    }),
  });
  const first = cluster.startProcess();
  cluster.publish("s1", { kind: "start", input: {}, trace: {} });
  await cluster.clock.advanceAsync(10);
  cluster.startProcess();
  await first.worker.stop(AbortSignal.abort());
  first.kill();
  await cluster.clock.advanceAsync(1_000);
  expect(cluster.entry("s1")?.status).toBe("completed");
  expect(cluster.entry("s1")?.timeline.map(([, what]) => what)).toContain("interrupted");
  expect(calls).toEqual(["a", "a", "b"]);
});

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
