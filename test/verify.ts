import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { STEPS, type Step } from "./gates/steps.js";

const USAGE = `npm run verify -- [options]

Runs every check a change must pass. The last line counts tests and steps: "N passed, N failed".

  --only <step>  only this step; may be given several times
  --json         one JSON document on stdout instead of lines (use npm run --silent)
  --help         this text

Steps:
${STEPS.map((step) => `  ${step.name.padEnd(13)}  ${step.checks}`).join("\n")}`;

const root = fileURLToPath(new URL("..", import.meta.url));

interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  readonly durationMs: number;
  /** Tests of the step, without the step itself. */
  readonly passed: number;
  readonly failed: number;
  /** Full names of tests that were left out. */
  readonly skipped: readonly string[];
  readonly output: string;
}

/** The part of vitest's JSON report that is counted. */
interface TestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

async function runStep(step: Step): Promise<StepResult> {
  if (step.results !== undefined) rmSync(join(root, step.results), { force: true });
  const startMs = performance.now();
  const { ok, output } = await execute(step.command);
  const durationMs = Math.round(performance.now() - startMs);
  return { name: step.name, ok, durationMs, output, ...countTests(step) };
}

function execute([program = "", ...args]: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const path = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ ok: false, output: `${program}: ${error.message}\n` }));
    child.once("close", (code) => resolve({ ok: code === 0, output }));
  });
}

function countTests(step: Step): Pick<StepResult, "passed" | "failed" | "skipped"> {
  const path = step.results === undefined ? "" : join(root, step.results);
  if (!existsSync(path)) return { passed: 0, failed: 0, skipped: [] };
  const report = JSON.parse(readFileSync(path, "utf8")) as TestReport;
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  return {
    passed: tests.filter((test) => test.status === "passed").length,
    failed: tests.filter((test) => test.status === "failed").length,
    skipped: tests
      .filter((test) => test.status !== "passed" && test.status !== "failed")
      .map((test) => test.fullName),
  };
}

function print(result: StepResult): void {
  const tests = result.passed + result.failed;
  const counted = tests === 0 ? "" : `  ${result.passed} of ${tests} tests`;
  const seconds = (result.durationMs / 1000).toFixed(1);
  console.log(`${result.ok ? "ok  " : "FAIL"}  ${result.name.padEnd(12)}${seconds.padStart(6)} s${counted}`);
  for (const name of result.skipped) console.log(`      left out: ${name}`);
  if (!result.ok) console.log(result.output);
}

function selectSteps(only: readonly string[]): readonly Step[] {
  const unknown = only.find((name) => !STEPS.some((step) => step.name === name));
  if (unknown === undefined) return STEPS.filter((step) => only.length === 0 || only.includes(step.name));
  throw new TypeError(
    `No step ${JSON.stringify(unknown)}: use one of ${STEPS.map((step) => step.name).join(", ")}`,
  );
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const results: StepResult[] = [];
  for (const step of selectSteps(values.only)) {
    const result = await runStep(step);
    results.push(result);
    if (!values.json) print(result);
  }
  const passed = results.reduce((sum, result) => sum + result.passed + (result.ok ? 1 : 0), 0);
  const failed = results.reduce((sum, result) => sum + result.failed + (result.ok ? 0 : 1), 0);
  if (values.json) console.log(JSON.stringify({ passed, failed, steps: results }, null, 2));
  else console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
