import { storeError } from "../errors.js";
import type { FileSystem } from "../file-system.js";
import { below, seededRandom } from "../simulated/random.js";
import type { CrashKind } from "../simulated/simulated-file.js";
import { SimulatedFileSystem } from "../simulated/simulated-file-system.js";
import { brokenPromises } from "./crash-checks.js";
import { CrashWorkload, type StorageSetup } from "./crash-workload.js";

/** A defect put in on purpose: a file system that cheats, or a checksum that does not check. */
export interface Mutation {
  wrap?(fileSystem: FileSystem): FileSystem;
  readonly checksum?: (bytes: Uint8Array, salt: number) => number;
}

/** Which crashes to try. */
export interface CrashPlan {
  readonly seed: number;
  readonly steps: number;
  readonly kinds: readonly CrashKind[];
  /** Crash points per kind at most, spread over the run. */
  readonly maxPoints: number;
  readonly mutation?: Mutation;
}

/** What a sweep saw. */
export interface SweepResult {
  readonly crashes: number;
  readonly operations: number;
  /** What was going on when it crashed, such as `rename rewritten segment`. */
  readonly moments: ReadonlySet<string>;
  /** The first crash that broke a promise. */
  readonly failure: string | undefined;
}

/** Crashes the same life of a store at one operation after the other, and checks what is left each time. */
export async function crashSweep(plan: CrashPlan): Promise<SweepResult> {
  const { operations, moments } = await survey(plan);
  let crashes = 0;
  for (const kind of plan.kinds) {
    const stride = Math.max(1, Math.ceil(operations / plan.maxPoints));
    const offset = plan.maxPoints < operations ? plan.seed % stride : 0;
    for (let point = 1 + offset; point <= operations + 1; point += stride) {
      crashes++;
      const broken = await crashAt(plan, kind, point);
      if (broken.length === 0) continue;
      const failure = `seed ${plan.seed}, ${kind} at operation ${point} of ${operations}: ${broken.join("; ")}`;
      return { crashes, operations, moments, failure };
    }
  }
  return { crashes, operations, moments, failure: undefined };
}

/** Runs without a crash to see how many operations there are, and of which kind. */
async function survey(plan: CrashPlan): Promise<{ operations: number; moments: Set<string> }> {
  const disk = new SimulatedFileSystem();
  const moments = new Set<string>();
  disk.intercept = ({ kind, path }) => {
    moments.add(`${kind} ${role(path)}`);
    return undefined;
  };
  await new CrashWorkload(plan.seed, plan.steps).run(setupFor(disk, plan.mutation));
  return { operations: disk.operations, moments };
}

function role(path: string): string {
  if (/-\d+\.seg(\.new)?$/.test(path)) return "rewritten segment";
  if (path.endsWith(".seg")) return "segment";
  if (path.endsWith(".foot")) return "footer";
  if (/consumers-\d+\.log/.test(path))
    return /-0*1\.log/.test(path) ? "consumer log" : "rewritten consumer log";
  if (/\.json(\.new)?$/.test(path)) return "metadata";
  return "directory";
}

async function crashAt(
  { seed, steps, mutation }: CrashPlan,
  kind: CrashKind,
  point: number,
): Promise<string[]> {
  const disk = new SimulatedFileSystem();
  disk.intercept = ({ number }) => (number >= point ? disk.powerOff() : undefined);
  const workload = new CrashWorkload(seed, steps);
  await workload.run(setupFor(disk, mutation));
  const survivor = disk.afterCrash(kind, seed * 7919 + point);
  // Sectors that arrive out of order can look like damage in a write that was never confirmed.
  const tolerance = { maxLost: 0, mayReport: kind === "scatter" };
  try {
    return await brokenPromises(setupFor(survivor, mutation), workload.promises, { ...tolerance, seed });
  } catch (error) {
    return [`recovery failed: ${String(error)}`];
  }
}

function setupFor(fileSystem: FileSystem, mutation: Mutation = {}): StorageSetup {
  const wrapped = mutation.wrap?.(fileSystem) ?? fileSystem;
  return mutation.checksum === undefined
    ? { fileSystem: wrapped }
    : { fileSystem: wrapped, checksum: mutation.checksum };
}

/** Lets a stretch of calls fail while the store lives on, then ends its process and checks what is left. */
export async function failureSweep(
  seed: number,
  runs: number,
): Promise<{ failures: number; failure: string | undefined }> {
  let failures = 0;
  for (let run = 0; run < runs; run++) {
    const random = seededRandom(seed + run);
    const disk = new SimulatedFileSystem();
    const first = 40 + below(random, 80);
    const last = first + below(random, 25);
    disk.intercept = ({ kind, number }) => {
      const isAffected = number >= first && number <= last && kind !== "remove";
      return isAffected && random() < 0.7
        ? storeError("STORE_UNAVAILABLE", "simulated: no space left")
        : undefined;
    };
    const workload = new CrashWorkload(seed + run, 80, true);
    await workload.run({ fileSystem: disk });
    failures += workload.failures;
    const kind = (["lose", "keep", "prefix"] as const)[run % 3] ?? "lose";
    const survivor = disk.afterCrash(kind, seed + run);
    const tolerance = { maxLost: 0, mayReport: false, seed: seed + run };
    const broken = await brokenPromises({ fileSystem: survivor }, workload.promises, tolerance);
    if (broken.length > 0) {
      return {
        failures,
        failure: `seed ${seed + run}, calls ${first} to ${last} fail, ${kind}: ${broken.join("; ")}`,
      };
    }
  }
  return { failures, failure: undefined };
}

/** What to do to the files of a closed store. */
export interface RegionPlan extends Pick<CrashPlan, "seed" | "steps" | "mutation"> {
  /** Distance between two places that are damaged, in bytes. */
  readonly stride: number;
}

/**
 * Damages every region of every file of a closed store, one at a time, and checks what is left: a flipped bit may
 * cost the message it hits, a file that was cut off those behind the cut, and both must be reported.
 */
export async function regionSweep({ seed, steps, stride, mutation }: RegionPlan): Promise<{
  readonly places: number;
  readonly fileTypes: ReadonlySet<string>;
  readonly failure: string | undefined;
}> {
  const disk = new SimulatedFileSystem();
  const workload = new CrashWorkload(seed, steps);
  await workload.run(setupFor(disk, mutation));
  await workload.close();
  const fileTypes = new Set<string>();
  let places = 0;
  for (const { path, sizeBytes } of disk.files()) {
    fileTypes.add(role(path));
    for (let offset = seed % stride; offset < sizeBytes; offset += stride) {
      for (const damage of ["flip", "truncate"] as const) {
        // Nothing tells how long the log of the consumers was: what they did last is forgotten.
        if (damage === "truncate" && role(path).endsWith("consumer log")) continue;
        const survivor = disk.afterCrash("keep", 0);
        if (damage === "flip") survivor.flip(path, offset, offset % 8);
        else await (await survivor.open(path)).truncate(offset);
        places++;
        const maxLost = damage === "flip" ? 1 : Number.POSITIVE_INFINITY;
        const tolerance = { maxLost, mayReport: true, seed };
        const broken = await brokenPromises(setupFor(survivor, mutation), workload.promises, tolerance).catch(
          (error: unknown) => [`recovery failed: ${String(error)}`],
        );
        if (broken.length === 0) continue;
        const failure = `seed ${seed}, ${damage} ${path} at ${offset}: ${broken.join("; ")}`;
        return { places, fileTypes, failure };
      }
    }
  }
  return { places, fileTypes, failure: undefined };
}

/** Turns single bits over in the files of a closed store, and checks what is left each time. */
export async function bitFlipSweep(
  plan: Pick<CrashPlan, "seed" | "steps" | "mutation"> & { readonly flips: number },
): Promise<{ segmentFlips: number; failure: string | undefined }> {
  const disk = new SimulatedFileSystem();
  const workload = new CrashWorkload(plan.seed, plan.steps);
  await workload.run(setupFor(disk, plan.mutation));
  await workload.close();
  const random = seededRandom(plan.seed);
  let segmentFlips = 0;
  for (let flip = 0; flip < plan.flips; flip++) {
    const survivor = disk.afterCrash("keep", 0);
    const files = survivor.files().filter(({ sizeBytes }) => sizeBytes > 0);
    const file = files[below(random, files.length)];
    if (file === undefined) break;
    const offset = below(random, file.sizeBytes);
    survivor.flip(file.path, offset, below(random, 8));
    const tolerance = { maxLost: 1, mayReport: true, seed: plan.seed };
    const broken = await brokenPromises(
      setupFor(survivor, plan.mutation),
      workload.promises,
      tolerance,
    ).catch((error: unknown) => [`recovery failed: ${String(error)}`]);
    if (broken.length > 0) {
      return {
        segmentFlips,
        failure: `seed ${plan.seed}, bit in ${file.path} at ${offset}: ${broken.join("; ")}`,
      };
    }
    if (file.path.endsWith(".seg")) segmentFlips++;
  }
  return { segmentFlips, failure: undefined };
}
