import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { TestBroker } from "@ganglion/testing";
import { residentMiB } from "./server-process.js";
import { openWire } from "./wire.js";

const CONNECTIONS = 1_000;
const SUBSCRIBERS = 10;
const SUBSCRIPTIONS_EACH = 10_000;
/** Time a server has to come to rest before its memory is looked at. */
const REST_MS = 500;

/** Memory at rest, with 1,000 connections and with 100,000 subscriptions, in MiB. */
export async function memory(broker: TestBroker): Promise<readonly number[]> {
  await delay(REST_MS);
  const idle = residentMiB(broker.pid);
  const many = await withConnections(broker, CONNECTIONS, () => "SUB a 1\r\n");
  const subscribed = await withConnections(broker, SUBSCRIBERS, (index) => {
    const subjects = Array.from({ length: SUBSCRIPTIONS_EACH }, (_, at) => `orders.${index}.${at}.changed`);
    return subjects.map((subject, at) => `SUB ${subject} ${at + 1}\r\n`).join("");
  });
  return [idle, many, subscribed];
}

async function withConnections(
  broker: TestBroker,
  count: number,
  greeting: (index: number) => string,
): Promise<number> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) sockets.push(await openWire(broker.url, greeting(i)));
  await delay(REST_MS);
  const resident = residentMiB(broker.pid);
  for (const socket of sockets) socket.destroy();
  return resident;
}

/** Starts a server. @returns milliseconds until it says that it is ready. */
export async function startUpMs(command: readonly [file: string, ...args: string[]]): Promise<number> {
  const [file, ...args] = command;
  const startedMs = performance.now();
  const child = spawn(file, [...args, "-a", "127.0.0.1", "-p", "-1"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    let log = "";
    while (!log.includes("Server is ready")) {
      const [chunk] = (await once(child.stderr, "data")) as [Buffer];
      log += chunk.toString();
    }
    return performance.now() - startedMs;
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
  }
}
