import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { extractSnippets, type Snippet } from "./snippet-extraction.js";

const RUN_TIMEOUT_MS = 30_000;
/** Inside the repository, so that packages resolve; ignored by git and the linter. */
const PROJECT = ".ganglion/snippets";

function pages(root: string): readonly string[] {
  const docs = existsSync(join(root, "docs")) ? readdirSync(join(root, "docs"), { recursive: true }) : [];
  return ["README.md", "CONTRIBUTING.md", ...docs.map((file) => join("docs", String(file)))].filter(
    (file) => file.endsWith(".md") && existsSync(join(root, file)),
  );
}

function writeProject(root: string, snippets: readonly Snippet[]): void {
  rmSync(join(root, PROJECT), { recursive: true, force: true });
  mkdirSync(join(root, PROJECT), { recursive: true });
  const config = { extends: "../../tsconfig.json", include: ["**/*.ts"], exclude: [] };
  writeFileSync(join(root, PROJECT, "tsconfig.json"), JSON.stringify(config));
  for (const snippet of snippets) {
    const path = modulePath(root, snippet);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${snippet.source}export {};\n`);
  }
}

function modulePath(root: string, snippet: Snippet): string {
  return join(root, PROJECT, snippet.page, snippet.file);
}

/** @returns one line for each error, at its place in the page. */
function typeErrors(root: string): readonly string[] {
  const args = ["--noEmit", "--pretty", "false", "-p", PROJECT];
  const result = spawnSync(join(root, "node_modules/.bin/tsc"), args, { cwd: root, encoding: "utf8" });
  if (result.status === 0) return [];
  const inPage = /^\.ganglion\/snippets\/(.+\.md)\/[^/(]+\((\d+),(\d+)\)/gm;
  return [`${result.stdout}${result.stderr}`.replace(inPage, "$1:$2:$3").trim()];
}

/** @returns what went wrong, undefined when it ran as the page says. */
function runError(root: string, snippet: Snippet): string | undefined {
  const cwd = mkdtempSync(join(tmpdir(), "ganglion-snippet-"));
  const args = ["--import", import.meta.resolve("tsx"), "-C", "@ganglion/source", modulePath(root, snippet)];
  // A page shows what its code prints, not what the app logs.
  const quiet = { GANGLION_LOG_LEVEL: "silent", TSX_TSCONFIG_PATH: join(root, "tsconfig.json") };
  const env = { ...process.env, ...quiet };
  const result = spawnSync(process.execPath, args, { cwd, env, encoding: "utf8", timeout: RUN_TIMEOUT_MS });
  rmSync(cwd, { recursive: true, force: true });
  const place = `${snippet.page}:${snippet.line}`;
  if (result.status !== 0) {
    const end = result.error?.message ?? `exit code ${result.status}`;
    return `${place} does not run: ${end}\n${result.stdout}${result.stderr}`;
  }
  if (snippet.output === undefined || snippet.output === result.stdout) return undefined;
  return `${place} prints\n${result.stdout}instead of\n${snippet.output}`;
}

const root = process.cwd();
const snippets = pages(root).flatMap((page) => extractSnippets(page, readFileSync(join(root, page), "utf8")));
writeProject(root, snippets);
const runnable = snippets.filter((snippet) => snippet.run);
const faults = snippets.length === 0 ? [] : [...typeErrors(root)];
if (faults.length === 0) faults.push(...runnable.flatMap((snippet) => runError(root, snippet) ?? []));
for (const fault of faults) console.error(fault);
console.log(`${snippets.length} snippets type-checked, ${runnable.length} of them run`);
process.exitCode = faults.length === 0 ? 0 : 1;
