import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

const FILE_NAME = "broker.json";
const PROBE_TIMEOUT_MS = 1_000;

/** Leaves the address of the broker that serves a store directory in that directory, for {@link findBroker}. */
export function writeAddressFile(storeDir: string, url: string): void {
  const path = join(storeDir, FILE_NAME);
  writeFileSync(`${path}.tmp`, JSON.stringify({ url, pid: process.pid }));
  renameSync(`${path}.tmp`, path);
}

/** Takes the address away again. */
export function removeAddressFile(storeDir: string): void {
  rmSync(join(storeDir, FILE_NAME), { force: true });
}

/** The address of the broker that serves a store directory, if there is one that answers. */
export async function findBroker(storeDir: string): Promise<string | undefined> {
  const url = readAddress(storeDir);
  return url !== undefined && (await accepts(url)) ? url : undefined;
}

function readAddress(storeDir: string): string | undefined {
  try {
    const { url } = JSON.parse(readFileSync(join(storeDir, FILE_NAME), "utf8")) as { url?: unknown };
    return typeof url === "string" && URL.canParse(url) ? url : undefined;
  } catch {
    return undefined; // no file, or one a killed process left half written
  }
}

function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.setTimeout(PROBE_TIMEOUT_MS, () => settle(false));
  });
}
