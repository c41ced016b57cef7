import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { App } from "@ganglion/core";
import { connectNats, type Transport } from "@ganglion/core/internal";
import { tempDirectory, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { expect, it } from "vitest";
import { startApp } from "../support/core-app.js";
import { CuttingProxy } from "./cutting-proxy.js";
import { Fleet } from "./fleet.js";
import { Load } from "./load.js";
import { Monkey } from "./monkey.js";

/** How long things are broken; the whole test takes about 20 s more. */
const SECONDS = Number(process.env.GANGLION_CHAOS_SECONDS ?? 20);
const SEED = Number(process.env.GANGLION_CHAOS_SEED ?? Date.now() % 2 ** 31);
const PROCESSES = 3;
/** Time to catch up, once nothing is broken any more. */
const CALM_MS = 60_000;

/** Longer than the workers' ack wait. */
const QUIET_MS = 5_000;

/** What was done, by id; an id appears as often as it was done. */
interface Done {
  readonly work: readonly string[];
  readonly happened: readonly string[];
  readonly applied: readonly string[];
  readonly letters: readonly string[];
}

describeBrokers(
  "three processes of a service under load, killed, paused, cut off, and their server too",
  (start, kind) => {
    it(
      "answer or fail within the deadline, lose nothing, and have each effect once",
      async () => {
        console.log(`${kind}: SEED=${SEED}`);
        await using directory = await tempDirectory();
        const journal = join(directory.path, "journal");
        await writeFile(journal, "");
        await using broker = await start();
        await using proxy = await CuttingProxy.start(broker.url);
        await using fleet = Fleet.of(PROCESSES, { url: proxy.url, journal });
        await fleet.started();
        const nats = { servers: proxy.url, reconnectDelay: { min: 20, max: 200 } };
        await using app = await startApp({ name: "customer", nats });
        const load = new Load(app);
        const monkey = new Monkey({ fleet, broker, proxy }, SEED);
        const stop = new AbortController();
        const loaded = load.run(stop.signal);
        try {
          await monkey.rage(SECONDS * 1_000);
        } finally {
          stop.abort();
        }
        const calmMs = performance.now();
        await loaded;

        await using transport = await connectNats({ servers: broker.url });
        const { requests, numbers, stored } = load;
        const look = async (): Promise<Done> => ({
          ...(await readJournal(journal)),
          applied: await idsOf(transport),
          letters: await deadLetters(app),
        });
        const { applied, letters, ...done } = await settled(look, stored);
        // The counts are what this test is about.
        console.log(
          JSON.stringify({
            broker: kind,
            seconds: SECONDS,
            seed: SEED,
            broken: { ...monkey.done, connections: proxy.cutCount, starts: fleet.failedStarts },
            requests,
            numbers,
            stored: Object.fromEntries(Object.entries(stored).map(([name, ids]) => [name, ids.length])),
            done: { work: done.work.length, happened: done.happened.length, applied: applied.length },
            deadLetters: letters.length,
            caughtUpMs: Math.round(performance.now() - calmMs),
          }),
        );
        const failed = Object.values(requests.failed).reduce((sum, count) => sum + count, 0);
        expect(requests).toMatchObject({ wrong: 0, hung: 0, sent: requests.answered + failed });
        expect(requests.answered).toBeGreaterThan(0);
        expect(numbers).toEqual({ asked: stored.work.length, different: 0 });
        expect(distinct(done.work)).toEqual(distinct(stored.work));
        expect(distinct(done.happened)).toEqual(distinct(stored.happened));
        expect(sorted(applied)).toEqual(sorted(stored.apply)); // each once
        expect(sorted(letters)).toEqual(sorted(stored.poison));
      },
      (SECONDS + 120) * 1_000,
    );
  },
  { kinds: ["nats-server", "broker-process"] },
);

/**
 * Waits until everything that was stored has been done, and then until nothing has happened for a while: what comes
 * twice comes within the ack wait. What the server counts as pending is not looked at: a nats-server 2.9 that was
 * killed may count messages for ever that it has removed.
 */
async function settled(look: () => Promise<Done>, stored: Load["stored"]): Promise<Done> {
  const isMissing = (ids: readonly string[], wanted: readonly string[]) => new Set(ids).size < wanted.length;
  let before = await waitFor(
    async () => {
      const done = await look();
      const missing = {
        work: isMissing(done.work, stored.work),
        happened: isMissing(done.happened, stored.happened),
        applied: isMissing(done.applied, stored.apply),
        letters: isMissing(done.letters, stored.poison),
      };
      if (Object.values(missing).includes(true)) throw new Error(`missing: ${JSON.stringify(missing)}`);
      return done;
    },
    { timeoutMs: CALM_MS, intervalMs: 500, what: "the end of the work" },
  );
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const now = await look();
    if (sizes(now) === sizes(before)) return now;
    before = now;
  }
}

function sizes({ work, happened, applied, letters }: Done): string {
  return [work, happened, applied, letters].map(({ length }) => length).join();
}

async function readJournal(path: string): Promise<Pick<Done, "work" | "happened">> {
  const lines = (await readFile(path, "utf8")).split("\n").map((line) => line.split(" "));
  const ids = (kind: string) => lines.flatMap(([is, id = ""]) => (is === kind ? [id] : []));
  return { work: ids("work"), happened: ids("happened") };
}

/** Ids of the effects in the stream, in the order of the stream. */
async function idsOf({ jetstream }: Transport): Promise<readonly string[]> {
  const ids: string[] = [];
  let isThrough = (await jetstream.streams.info("chaos-events"))?.messages === 0;
  const reader = await jetstream.readOrdered("chaos-events", {
    filterSubjects: ["chaos.applied"],
    onBatch: (messages) => void ids.push(...messages.map((message) => JSON.parse(message.text()).id)),
    onCaughtUp: () => {
      isThrough = true;
    },
  });
  await waitFor(() => isThrough, { timeoutMs: 20_000 });
  await reader.stop();
  return ids;
}

async function deadLetters(app: App): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const letter of app.deadLetters("chaos").list()) ids.push(JSON.parse(letter.text()).id);
  return ids;
}

function sorted(ids: readonly string[]): readonly string[] {
  return [...ids].sort();
}

function distinct(ids: readonly string[]): readonly string[] {
  return sorted([...new Set(ids)]);
}
