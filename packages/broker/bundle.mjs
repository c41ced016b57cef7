/**
 * Puts the command and what it needs into few files: a process that reads 270 modules takes twice as long to start.
 * Runs after the compiler; `bin/ganglion-broker.mjs` uses the result while it is newer than what was compiled.
 */
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
// biome-ignore lint/correctness/noUndeclaredDependencies: the build needs it, the package does not
import { build } from "esbuild";

const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const { dependencies } = JSON.parse(readFileSync(pathOf("package.json"), "utf8"));
const outdir = pathOf("dist/bundle");

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: [pathOf("dist/bin/ganglion-broker.js")],
  outdir,
  bundle: true,
  // What is loaded on demand stays in files of its own.
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  // Names of classes and functions stay as they are, for stack traces.
  minifyWhitespace: true,
  external: Object.keys(dependencies).filter((name) => !name.startsWith("@ganglion/")),
});
