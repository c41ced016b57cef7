import { VirtualClock } from "@ganglion/kernel";
import { expect, it } from "vitest";
import type { AppendOutcome, JournalRecord, SagaEntry } from "./journal.js";
import { writeEntry } from "./journal-writer.js";

const entry = { id: "s1", nonce: "mine" } as SagaEntry;
const other = (sequence: number): JournalRecord => ({ entry: { ...entry, nonce: "theirs" }, sequence });
const UNKNOWN: AppendOutcome = { kind: "unknown", cause: "no answer" };

/** A journal that answers from two lists, the last answer repeated. */
async function write(
  outcomes: readonly AppendOutcome[],
  reads: readonly (JournalRecord | undefined | "away")[],
  stopAfterMs = 60_000,
) {
  const clock = new VirtualClock();
  const stopping = new AbortController();
  const done: string[] = [];
  const next = <T>(list: readonly T[], what: string): T => {
    const at = done.filter((item) => item === what).length;
    done.push(what);
    return list[Math.min(at, list.length - 1)] as T; // lists are not empty where they are asked
  };
  const written = writeEntry(
    {
      clock,
      stopping: stopping.signal,
      journal: {
        append: () => Promise.resolve(next(outcomes, "append")),
        read: () => {
          const answer = next(reads, "read");
          return answer === "away" ? Promise.reject(new Error("away")) : Promise.resolve(answer);
        },
      },
    },
    entry,
    7,
  );
  await clock.advanceAsync(stopAfterMs);
  stopping.abort();
  return { outcome: await written, done };
}

it("an answer is believed", async () => {
  expect(await write([{ kind: "stored", sequence: 8 }], [])).toMatchObject({
    outcome: { kind: "stored", record: { sequence: 8 } },
    done: ["append"],
  });
  expect((await write([{ kind: "refused", cause: "too large" }], [])).outcome.kind).toBe("refused");
});

it("no answer, and the own nonce is there: stored", async () => {
  const { outcome, done } = await write([UNKNOWN], ["away", { entry, sequence: 8 }]);
  expect(outcome).toEqual({ kind: "stored", record: { entry, sequence: 8 } });
  expect(done).toEqual(["append", "read", "read"]);
});

it("no answer, and nothing has changed: sent again", async () => {
  const { outcome, done } = await write([UNKNOWN, { kind: "stored", sequence: 8 }], [other(7)]);
  expect(outcome.kind).toBe("stored");
  expect(done).toEqual(["append", "read", "append"]);
});

it("the first copy arrives after all, and the second loses against it: stored", async () => {
  const { outcome } = await write([UNKNOWN, { kind: "conflict" }], [other(7), { entry, sequence: 8 }]);
  expect(outcome).toEqual({ kind: "stored", record: { entry, sequence: 8 } });
});

it("somebody else's entry is there: lost, and it is told which", async () => {
  expect((await write([{ kind: "conflict" }], [other(9)])).outcome).toEqual({ kind: "lost", last: other(9) });
  expect((await write([UNKNOWN], [other(9)])).outcome.kind).toBe("lost");
});

it("a broker that stays away is waited for until the worker stops", async () => {
  const { outcome, done } = await write([UNKNOWN], ["away"], 20_000);
  expect(outcome).toEqual({ kind: "lost" });
  expect(done.length).toBeGreaterThan(5);
  expect(done.length).toBeLessThan(30);
});
