import { renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Broker } from "../broker.js";

/** Addresses in a ports file. Source: nats-server server.go `Ports`. */
export interface Ports {
  readonly nats: readonly string[];
  readonly monitoring?: readonly string[];
  readonly websocket?: readonly string[];
}

/** The addresses of a running broker. */
export function portsOf({ url, monitoringUrl, websocketUrl }: Broker): Ports {
  return {
    nats: [url],
    ...(monitoringUrl && { monitoring: [monitoringUrl] }),
    ...(websocketUrl && { websocket: [websocketUrl] }),
  };
}

/**
 * Writes `<directory>/<executable>_<pid>.ports` for whoever started this process and wants to know its ports.
 *
 * @param executable - path this process was started with.
 * @returns the file's path.
 */
export function writePortsFile(directory: string, executable: string, ports: Ports): string {
  const name = basename(executable).replace(/\.m?js$/, "");
  const path = join(directory, `${name}_${process.pid}.ports`);
  // Readers poll for the file, so it must not be seen half written.
  writeFileSync(`${path}.tmp`, JSON.stringify(ports));
  renameSync(`${path}.tmp`, path);
  return path;
}

/** Removes a ports file; nothing happens when it is gone. */
export function removePortsFile(path: string): void {
  rmSync(path, { force: true });
}
