import { cpSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@ganglion/kernel";
import { openFileStorage, type Storage } from "@ganglion/store";
import { afterEach, beforeEach, expect, it } from "vitest";
import { JetStreamFixture } from "../jetstream-fixture.js";

let root: string;
let storage: Storage | undefined;
let js: JetStreamFixture | undefined;
const clock = new VirtualClock();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ganglion-copies-crash-"));
});

afterEach(async () => {
  await stop();
  await rm(root, { recursive: true, force: true });
});

async function stop(): Promise<void> {
  await js?.jetstream.close();
  await storage?.close();
  js = undefined;
}

async function start(directory: string): Promise<JetStreamFixture> {
  storage = await openFileStorage({ directory, clock });
  js = await JetStreamFixture.start({ clock, fileStorage: storage });
  return js;
}

/** What a process leaves that is killed now. */
async function killedCopy(from: string, to: string): Promise<void> {
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  await stop();
}

async function texts(running: JetStreamFixture, stream: string): Promise<string[]> {
  const { first_seq: first, last_seq: last } = await running.streamState(stream);
  const found: string[] = [];
  for (let seq = Math.max(1, first); seq <= last; seq++) {
    const { message } = await running.ask<{ message: { data: string } }>(`STREAM.MSG.GET.${stream}`, { seq });
    found.push(Buffer.from(message.data, "base64").toString());
  }
  return found;
}

async function eventually(running: JetStreamFixture, check: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 15_000;
  while (!(await check()) && Date.now() < deadlineMs) await running.advance(10);
}

const seed = Number(process.env.GANGLION_SEED ?? Date.now() % 1e9);
let state = seed;
/** A number below `limit`, from the seed. */
function below(limit: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return state % limit;
}

it(`sources and mirrors have every message once, whenever they were killed (GANGLION_SEED=${seed})`, async () => {
  let directory = join(root, "0");
  let running = await start(directory);
  const onFile = { storage: "file" };
  await running.ask("STREAM.CREATE.O", { name: "O", subjects: ["o.*"], ...onFile });
  await running.ask("STREAM.CREATE.S", { name: "S", sources: [{ name: "O" }], ...onFile });
  await running.ask("STREAM.CREATE.M", { name: "M", mirror: { name: "O" }, ...onFile });
  let sent = 0;
  for (let round = 1; round <= 10; round++) {
    for (let turn = below(40); turn >= 0; turn--) {
      for (let count = below(8); count > 0; count--) running.publish("o.a", `${++sent}`);
      await running.advance(below(3));
      await new Promise((resolve) => setTimeout(resolve, below(2)));
    }
    const next = join(root, String(round));
    await killedCopy(directory, next);
    directory = next;
    running = await start(directory);
  }
  const origin = await texts(running, "O");
  await eventually(running, async () => (await texts(running, "M")).length >= origin.length);
  await eventually(running, async () => (await texts(running, "S")).length >= origin.length);
  await running.advance(5_000);
  expect(origin.length).toBeGreaterThan(50);
  expect(await texts(running, "S")).toEqual(origin);
  expect(await texts(running, "M")).toEqual(origin);
}, 60_000);
