import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDirectory } from "./directory-lock.js";

describe("lockDirectory", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "ganglion-lock-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("refuses a directory that is locked, names it, and takes it when it is free again", async () => {
    const unlock = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toMatchObject({
      code: "STORE_LOCKED",
      message: expect.stringContaining(directory),
    });
    await unlock();
    expect(readdirSync(directory)).toEqual([]);
    await (await lockDirectory(directory))();
  });

  it("takes over what a killed process left", async () => {
    await leaveDeadSocket(join(directory, "lock.0123456789ab.sock"));
    expect(readdirSync(directory)).toHaveLength(1);
    const unlock = await lockDirectory(directory);
    expect(readdirSync(directory)).not.toContain("lock.0123456789ab.sock");
    await unlock();
  });

  it("goes to exactly one of several that try at once, also over a dead socket", async () => {
    for (let round = 0; round < 20; round++) {
      if (round % 5 === 0) await leaveDeadSocket(join(directory, "lock.0123456789ab.sock"));
      const attempts = await Promise.allSettled([1, 2, 3, 4].map(() => lockDirectory(directory)));
      const held = attempts.filter((attempt) => attempt.status === "fulfilled");
      expect(held).toHaveLength(1);
      for (const { value } of held) await value();
    }
  });

  it("takes a process that accepts and says nothing for a holder", async () => {
    const silent = createServer(() => {}).listen(join(directory, "lock.ffffffffffff.sock"));
    await once(silent, "listening");
    await expect(lockDirectory(directory)).rejects.toMatchObject({ code: "STORE_LOCKED" });
    silent.close();
  });

  it("works below a path longer than a socket address", async () => {
    const deep = join(directory, "d".repeat(100), "e".repeat(60));
    mkdirSync(deep, { recursive: true });
    const unlock = await lockDirectory(deep);
    await expect(lockDirectory(deep)).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await unlock();
    await (await lockDirectory(deep))();
  });

  it("says so when the lock cannot be made at all", async () => {
    const missing = join(directory, "missing");
    await expect(lockDirectory(missing)).rejects.toMatchObject({
      code: "STORE_LOCKED",
      details: { directory: missing },
    });
  });
});

/** A process that listens on the socket and is killed, so that nobody removes it. */
async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
