import { describe, expect, it } from "vitest";
import { type Cheats, cheatingFileSystem } from "../contract/cheating-file-system.js";
import { bitFlipSweep, crashSweep, failureSweep, type Mutation } from "../contract/crash-sweep.js";
import { testSeed } from "../contract/test-seed.js";
import type { CrashKind } from "../simulated/simulated-file.js";

/** Crash points per kind of crash and run; a run has some 250 operations. More for a thorough search. */
const maxPoints = Number(process.env.GANGLION_CRASH_POINTS ?? 60);
const runs = Math.max(3, Math.ceil(maxPoints / 100));
const ALL_KINDS: readonly CrashKind[] = ["lose", "keep", "prefix", "scatter"];

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
  it("keeps every promise when it crashes at any operation", { timeout: 600_000 }, async () => {
    const seed = testSeed("crashes");
    const moments = new Set<string>();
    for (let run = 0; run < runs; run++) {
      const result = await crashSweep({ seed: seed + run, steps: 80, kinds: ALL_KINDS, maxPoints });
      expect(result.failure).toBeUndefined();
      for (const moment of result.moments) moments.add(moment);
    }
    expect([...moments]).toEqual(expect.arrayContaining(MOMENTS));
  });

  it("loses nothing it confirmed when calls fail for a while", { timeout: 600_000 }, async () => {
    const { failures, failure } = await failureSweep(testSeed("failing calls"), maxPoints);
    expect(failure).toBeUndefined();
    expect(failures).toBeGreaterThan(maxPoints / 2);
  });

  it("loses at most one message to a flipped bit, and reports it", { timeout: 600_000 }, async () => {
    const seed = testSeed("flipped bits");
    for (let run = 0; run < runs; run++) {
      const { segmentFlips, failure } = await bitFlipSweep({ seed: seed + run, steps: 80, flips: maxPoints });
      expect(failure).toBeUndefined();
      expect(segmentFlips).toBeGreaterThan(0);
    }
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
