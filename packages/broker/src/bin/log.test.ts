import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CommandLog } from "./log.js";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-log-"));
  path = join(directory, "broker.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

const linesOf = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n");

test("CommandLog writes nats-server's lines, debug only when asked", () => {
  const log = new CommandLog({ logFile: path, logTime: false });
  log.info("one");
  log.debug("hidden");
  log.child({ account: "A" }).warn("two", { count: 2 });
  log.trace("three");
  log.configure({ logFile: path, logTimeUtc: true, debug: true });
  log.debug("four");
  const lines = linesOf(path);
  const pid = process.pid;
  expect(lines.slice(0, 3)).toEqual([
    `[${pid}] [INF] one`,
    `[${pid}] [WRN] two account=A count=2`,
    `[${pid}] [TRC] three`,
  ]);
  const [, time = ""] =
    /^\[\d+\] (\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d{3})000 \[DBG\] four$/.exec(lines[3] ?? "") ?? [];
  expect(Math.abs(Date.parse(`${time.replaceAll("/", "-").replace(" ", "T")}Z`) - Date.now())).toBeLessThan(
    60_000,
  );
});

test("CommandLog rotates a file that is too large, and keeps as many as it may", () => {
  const log = new CommandLog({ logFile: path, logTime: false, logSizeLimitBytes: 100, logMaxFiles: 3 });
  for (let i = 0; i < 10; i++) log.info(`${i} ${"x".repeat(100)}`);
  const files = readdirSync(directory).sort();
  expect(files).toHaveLength(3);
  expect(files[0]).toBe("broker.log");
  for (const backup of files.slice(1)) expect(backup).toMatch(/^broker\.log\.\d{4}(\.\d\d){5}\.\d{9}$/);
  expect(linesOf(path)).toEqual([
    `[${process.pid}] [INF] Rotated log, backup saved as "${join(directory, files[2] ?? "")}"`,
  ]);
  expect(linesOf(join(directory, files[2] ?? "")).at(-1)).toContain("[INF] 9 xxx");
});

test("CommandLog goes on in a new file after the old one was moved", () => {
  const log = new CommandLog({ logFile: path, logTime: false });
  log.info("old");
  renameSync(path, `${path}.moved`);
  log.info("still old");
  log.reopen();
  log.info("new");
  expect(linesOf(`${path}.moved`)).toHaveLength(2);
  expect(linesOf(path)).toEqual([`[${process.pid}] [INF] File log re-opened`, `[${process.pid}] [INF] new`]);
});

test("CommandLog throws when its file cannot be opened, and keeps the old one", () => {
  const missing = join(directory, "no", "such", "log");
  expect(() => new CommandLog({ logFile: missing })).toThrow("ENOENT");
  const log = new CommandLog({ logFile: path, logTime: false });
  expect(() => log.configure({ logFile: missing })).toThrow("ENOENT");
  log.info("here");
  expect(linesOf(path)).toHaveLength(1);
});
