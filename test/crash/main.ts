import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const USAGE = `npm run crash -- [--nightly] [--seed <n>]

Crashes the store in every way we know, and checks what is left.

  --nightly   at least 100,000 crash points and 200 killed processes instead of 2,000 and 10
  --seed <n>  repeats a run; every run prints its seeds
  --help      this text`;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TESTS = [
  "packages/store/src/file/crash.test.ts",
  "packages/store/src/file/repair.test.ts",
  "test/crash/ack-after-sync.test.ts",
  "test/crash/broker-kill.test.ts",
];
/** 4 kinds of crash at each of some 300 operations a life. */
const NIGHTLY = { GANGLION_CRASH_RUNS: "100", GANGLION_CRASH_KILLS: "200", GANGLION_CRASH_STRIDE: "97" };

const { values } = parseArgs({
  options: {
    nightly: { type: "boolean", default: false },
    seed: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) console.log(USAGE);
else {
  const env = {
    ...process.env,
    ...(values.nightly ? NIGHTLY : {}),
    ...(values.seed === undefined ? {} : { GANGLION_SEED: values.seed }),
  };
  const args = ["vitest", "run", "--config", "test/vitest.config.ts", "--typecheck.enabled=false", ...TESTS];
  const child = spawn("npx", args, { cwd: ROOT, env, stdio: "inherit" });
  child.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
