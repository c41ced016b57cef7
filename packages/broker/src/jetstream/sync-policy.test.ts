import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@ganglion/kernel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker } from "../broker.js";
import { syncPolicyOf } from "./sync-policy.js";

let storeDir: string;

beforeEach(() => {
  storeDir = mkdtempSync(join(tmpdir(), "ganglion-sync-"));
});

afterEach(() => rmSync(storeDir, { recursive: true }));

function recordingLogger(lines: string[]): Logger {
  const note = (message: string) => void lines.push(message);
  const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
  return logger;
}

describe("syncPolicyOf", () => {
  it("syncs always unless an interval is given", () => {
    expect([syncPolicyOf(), syncPolicyOf("always"), syncPolicyOf(0)].map(({ kind }) => kind)).toEqual([
      "always",
      "always",
      "always",
    ]);
    expect(syncPolicyOf(250)).toEqual({ kind: "interval", intervalMs: 250 });
    expect(syncPolicyOf("none")).toEqual({ kind: "none" });
  });
});

describe("a broker", () => {
  it.each([
    [undefined, /on the disk before it is acknowledged/, { sync_always: true }],
    [500, /synced every 500 ms: a power failure can cost/, { sync_interval: 500_000_000 }],
    ["none", /not synced: a power failure can cost/, {}],
  ] as const)(
    "with sync interval %s says what an acknowledgement promises",
    async (syncInterval, text, config) => {
      const lines: string[] = [];
      const jetstream = syncInterval === undefined ? { storeDir } : { storeDir, syncInterval };
      const broker = await startBroker({ httpPort: -1, jetstream, logger: recordingLogger(lines) });
      const answer = (await (await fetch(`${broker.monitoringUrl}/jsz`)).json()) as {
        config: Record<string, unknown>;
      };
      const { sync_always, sync_interval } = answer.config;
      expect(JSON.parse(JSON.stringify({ sync_always, sync_interval }))).toEqual(config);
      expect(lines.join("\n")).toMatch(text);
      await broker.close();
    },
  );
});
