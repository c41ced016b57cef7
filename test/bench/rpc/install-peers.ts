import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Holds the frameworks Ganglion is measured beside, with a lock file of its own: nothing else needs them. */
const PEERS = fileURLToPath(new URL("../peers/", import.meta.url));

/** Installs the peers at their first use. */
export async function installPeers(log: (line: string) => void): Promise<void> {
  if (existsSync(`${PEERS}node_modules/.package-lock.json`)) return;
  log(`installing the peers into ${PEERS}`);
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: PEERS,
    stdio: ["ignore", "ignore", "inherit"],
  });
}
