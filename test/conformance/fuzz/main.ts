import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startTestBroker } from "@ganglion/testing";
import { fuzzBroker } from "./fuzz-broker.js";
import { fuzzParser } from "./fuzz-parser.js";

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "10000000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    parser: { type: "boolean", default: false },
    broker: { type: "boolean", default: false },
  },
});
const frames = Number(values.frames);
const seed = Number(values.seed);
const both = values.parser === values.broker;

function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

console.log(`${frames} frames, seed ${seed}`);
if (both || values.parser) {
  const slice = Math.ceil(frames / 10);
  for (let i = 0; i < 10; i++) {
    const report = fuzzParser(slice, seed + i * slice);
    globalThis.gc?.();
    const heapMiB = Math.round(process.memoryUsage().heapUsed / 2 ** 20);
    console.log(`parser: ${report.frames} frames, ${report.faults} faults, heap ${heapMiB} MiB`);
  }
}
if (both || values.broker) {
  await using broker = await startTestBroker({ kind: "broker-process", jetstream: false });
  const { pid } = broker;
  if (pid === undefined) throw new Error("The broker is not a process");
  let next = 0;
  const report = await fuzzBroker(broker.url, {
    frames,
    seed,
    onProgress: (done) => {
      if (done < next) return;
      next = done + frames / 20;
      console.log(`broker: ${done} frames, resident ${residentMiB(pid)} MiB`);
    },
  });
  console.log(`broker: ${JSON.stringify(report)}, resident ${residentMiB(pid)} MiB`);
}
