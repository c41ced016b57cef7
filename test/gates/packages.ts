import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Which packages of this repository a package may depend on. The linter refuses imports that a manifest does not
 * declare, so this table and the manifests together are the direction of all imports: only down, siblings and
 * the pair core and broker never.
 */
const MAY_DEPEND_ON: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  protocol: ["kernel"],
  store: ["kernel", "protocol"],
  broker: ["kernel", "protocol", "store"],
  core: ["kernel", "protocol"],
  saga: ["kernel", "protocol", "core"],
  eventsourcing: ["kernel", "protocol", "core"],
  otel: ["kernel", "protocol", "core"],
  postgres: ["kernel", "core", "saga", "eventsourcing"],
  testing: ["kernel", "protocol", "store", "broker", "core", "saga", "eventsourcing"],
  cli: ["kernel", "protocol", "broker", "core", "saga", "eventsourcing", "postgres", "otel", "testing"],
  console: ["kernel", "protocol", "core", "saga", "eventsourcing", "otel"],
};

/** File names that say nothing about what is inside. */
const VAGUE_NAMES = /^(utils?|types|common|helpers?|misc|shared)\.ts$/;

const EXACT_VERSION = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

interface BuildConfig {
  readonly references?: readonly { readonly path: string }[];
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/**
 * Checks manifests, build references and file names of a repository.
 *
 * @returns one line for each fault, none when all is well.
 */
export function checkPackages(root: string): readonly string[] {
  const names = readdirSync(join(root, "packages")).filter((name) =>
    existsSync(join(root, "packages", name, "package.json")),
  );
  const { version } = readJson<Manifest>(join(root, "package.json"));
  return [
    ...names.flatMap((name) => checkPackage(root, name, version)),
    ...checkBuild(root, names),
    ...checkFileNames(root),
    ...checkLockFile(root),
  ];
}

function checkPackage(root: string, name: string, version: string | undefined): readonly string[] {
  const directory = join(root, "packages", name);
  const manifest = readJson<Manifest>(join(directory, "package.json"));
  const faults = [...checkDirection(name, manifest), ...checkReferences(directory, manifest)];
  if (manifest.name !== `@ganglion/${name}`) faults.push(`its name is not @ganglion/${name}`);
  if (manifest.version !== version) faults.push(`its version is not the repository's ${version}`);
  for (const [dependency, range] of Object.entries(manifest.dependencies ?? {})) {
    if (!EXACT_VERSION.test(range)) faults.push(`${dependency} ${range} is not an exact version`);
  }
  for (const file of Object.values(manifest.bin ?? {})) {
    const path = join(directory, file);
    if (!existsSync(path))
      faults.push(`bin ${file} does not exist: npm links it at install, before the build`);
    else if ((statSync(path).mode & 0o111) === 0) faults.push(`bin ${file} is not executable`);
  }
  return faults.map((fault) => `packages/${name}: ${fault}`);
}

function checkDirection(name: string, manifest: Manifest): string[] {
  const allowed = MAY_DEPEND_ON[name];
  if (allowed === undefined) return ["it is not in the table of test/gates/packages.ts"];
  const { dependencies, optionalDependencies, peerDependencies } = manifest;
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }).flatMap(
    (dependency) => {
      const ours = /^@ganglion\/(.+)$/.exec(dependency)?.[1];
      if (ours !== undefined && !allowed.includes(ours)) return [`it may not depend on ${dependency}`];
      const client = dependency === "nats" || dependency.startsWith("@nats-io/");
      return client && name !== "core" ? [`only core depends on ${dependency}`] : [];
    },
  );
}

/** `tsc -b` builds in the right order only when the references repeat the dependencies. */
function checkReferences(directory: string, manifest: Manifest): readonly string[] {
  const references = readJson<BuildConfig>(join(directory, "tsconfig.json")).references ?? [];
  const referenced = references.map((reference) => `@ganglion/${basename(reference.path)}`).sort();
  const declared = Object.keys(manifest.dependencies ?? {})
    .filter((dependency) => dependency.startsWith("@ganglion/"))
    .sort();
  if (referenced.join() === declared.join()) return [];
  return [`tsconfig.json references [${referenced}] and package.json depends on [${declared}]`];
}

function checkBuild(root: string, names: readonly string[]): readonly string[] {
  const references = readJson<BuildConfig>(join(root, "packages/tsconfig.json")).references ?? [];
  const built = new Set(references.map((reference) => basename(reference.path)));
  return names.filter((name) => !built.has(name)).map((name) => `packages/tsconfig.json: ${name} is missing`);
}

function checkFileNames(root: string): readonly string[] {
  const sources = readdirSync(join(root, "packages")).map((name) => join("packages", name, "src"));
  return sources
    .filter((directory) => existsSync(join(root, directory)))
    .flatMap((directory) => {
      const files = readdirSync(join(root, directory), { recursive: true, encoding: "utf8" });
      return files.map((file) => join(directory, file));
    })
    .filter((file) => VAGUE_NAMES.test(basename(file)))
    .map((file) => `${file}: name the file after what it holds`);
}

interface LockFile {
  readonly packages: Readonly<
    Record<string, { resolved?: string; optionalDependencies?: Readonly<Record<string, string>> }>
  >;
}

/**
 * A lock file with addresses would tie every install to one registry. One without an entry for each platform of
 * an optional dependency is refused by `npm ci`; npm leaves an entry out when a registry does not have it.
 */
function checkLockFile(root: string): readonly string[] {
  const path = join(root, "package-lock.json");
  if (!existsSync(path)) return ["package-lock.json does not exist"];
  const { packages } = readJson<LockFile>(path);
  const paths = Object.keys(packages);
  return Object.entries(packages).flatMap(([name, { resolved, optionalDependencies }]) => [
    ...(resolved?.includes("://")
      ? [`package-lock.json: ${name} names an address: run npm with omit-lockfile-registry-resolved`]
      : []),
    ...Object.keys(optionalDependencies ?? {})
      .filter((optional) => !paths.some((entry) => entry.endsWith(`node_modules/${optional}`)))
      .map(
        (optional) =>
          `package-lock.json: ${optional}, optional for ${name}, has no entry: write one with version, os and cpu`,
      ),
  ]);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const faults = checkPackages(process.cwd());
  for (const fault of faults) console.error(fault);
  console.log(`${faults.length} faults in the order of packages`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
