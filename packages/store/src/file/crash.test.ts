import { describe, expect, it } from "vitest";
import { type Cheats, cheatingFileSystem } from "../contract/cheating-file-system.js";
import {
  bitFlipSweep,
  crashSweep,
  failureSweep,
  type Mutation,
  regionSweep,
} from "../contract/crash-sweep.js";
import { testSeed } from "../contract/test-seed.js";
import type { CrashKind } from "../simulated/simulated-file.js";

/** Lives of a store; more for a thorough search. Each has some 300 operations. */
const runs = Number(process.env.GANGLION_CRASH_RUNS ?? 2);
/** Crash points per kind of crash and life; by default every operation, more than 2,000 altogether. */
const maxPoints = Number(process.env.GANGLION_CRASH_POINTS ?? 1_000);
/** Distance between two places of a file that are damaged. */
const stride = Number(process.env.GANGLION_CRASH_STRIDE ?? 149);
const TIMEOUT_MS = 600_000 + runs * 60_000;
const ALL_KINDS: readonly CrashKind[] = ["lose", "keep", "prefix", "scatter"];

/** For whoever reads the log of a nightly run. */
function report(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Everything that a crash must have interrupted at least once for the search to be worth its name. */
const MOMENTS = [
  "create segment",
  "write segment",
  "sync segment",
  "write footer",
  "rename rewritten segment",
  "remove segment",
  "rename metadata",
  "rename consumer log",
  "sync rewritten consumer log",
  "syncDirectory directory",
];

describe("the file engine", () => {
  it("keeps every promise when it crashes at any operation", { timeout: TIMEOUT_MS }, async () => {
    const seed = testSeed("crashes");
    const moments = new Set<string>();
    let crashes = 0;
    for (let run = 0; run < runs; run++) {
      const result = await crashSweep({ seed: seed + run, steps: 80, kinds: ALL_KINDS, maxPoints });
      expect(result.failure).toBeUndefined();
      for (const moment of result.moments) moments.add(moment);
      crashes += result.crashes;
    }
    report(`${crashes} crash points in ${runs} lives`);
    expect(crashes).toBeGreaterThan(runs * Math.min(maxPoints, 200) * 2);
    expect([...moments]).toEqual(expect.arrayContaining(MOMENTS));
  });

  it("loses nothing it confirmed when calls fail for a while", { timeout: TIMEOUT_MS }, async () => {
    const { failures, failure } = await failureSweep(testSeed("failing calls"), runs * 30);
    expect(failure).toBeUndefined();
    report(`${failures} failures of calls in ${runs * 30} lives`);
    expect(failures).toBeGreaterThan(runs * 15);
  });

  it("loses at most one message to a flipped bit, and reports it", { timeout: TIMEOUT_MS }, async () => {
    const seed = testSeed("flipped bits");
    for (let run = 0; run < runs; run++) {
      const { segmentFlips, failure } = await bitFlipSweep({ seed: seed + run, steps: 80, flips: 60 });
      expect(failure).toBeUndefined();
      expect(segmentFlips).toBeGreaterThan(0);
    }
  });
});

describe("damage anywhere", () => {
  it("of any file costs what it hits, and is reported", { timeout: TIMEOUT_MS }, async () => {
    const seed = testSeed("damaged regions");
    const types = new Set<string>();
    let total = 0;
    for (let run = 0; run < runs; run++) {
      const { places, fileTypes, failure } = await regionSweep({ seed: seed + run, steps: 80, stride });
      expect(failure).toBeUndefined();
      total += places;
      for (const type of fileTypes) types.add(type);
    }
    report(`${total} damaged places`);
    expect([...types]).toEqual(expect.arrayContaining(["segment", "footer", "metadata"]));
  });
});

describe("the crash test", () => {
  const isSegment = (path: string) => path.endsWith(".seg");
  const cheats: [string, Cheats][] = [
    ["records are not synced", { skipSync: isSegment }],
    ["the consumers' log is not synced", { skipSync: (path) => path.includes("consumers-") }],
    ["metadata is not synced before its rename", { skipSync: (path) => path.includes(".json") }],
    ["rewritten segments are not synced", { skipSync: (path) => path.endsWith(".seg.new") }],
    ["durable is announced before the sync is done", { earlySync: isSegment }],
    ["the directory is not synced after a rename or a new file", { skipDirectorySync: () => true }],
  ];

  it.each(cheats)("notices when %s", { timeout: 120_000 }, async (_, cheat) => {
    const mutation: Mutation = { wrap: (fileSystem) => cheatingFileSystem(fileSystem, cheat) };
    expect(await firstFailure(mutation)).toBeDefined();
  });

  it("notices when checksums are not checked", { timeout: 120_000 }, async () => {
    const mutation: Mutation = { checksum: () => 0 };
    let failure: string | undefined;
    for (let seed = 1; seed <= 20 && failure === undefined; seed++) {
      ({ failure } = await bitFlipSweep({ seed, steps: 40, flips: 50, mutation }));
    }
    expect(failure).toBeDefined();
  });

  /** Fixed seeds: that a defect is found must not depend on luck. */
  async function firstFailure(mutation: Mutation): Promise<string | undefined> {
    for (let seed = 1; seed <= 12; seed++) {
      const { failure } = await crashSweep({
        seed,
        steps: 80,
        kinds: ["lose", "prefix"],
        maxPoints: 80,
        mutation,
      });
      if (failure !== undefined) return failure;
    }
    return undefined;
  }
});
