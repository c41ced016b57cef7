import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileStorage } from "@ganglion/store";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runStoreCommand } from "./store-command.js";

let directory: string;
const LIMITS = { maxMessages: 0, maxBytes: 0, maxAgeUs: 0, maxMessagesPerSubject: 0 };
const listener = { durable: () => {}, failed: () => {}, removed: () => {} };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-store-"));
  const storage = await openFileStorage({ directory, segmentSizeBytes: 20_000 });
  const stream = await storage.createStream("ACME", "ORDERS", {
    limits: LIMITS,
    listener,
    metadata: { a: 1 },
  });
  await stream.createConsumer("worker", { b: 2 });
  for (let n = 1; n <= 200; n++) {
    const data = Buffer.from(`${n <= 2 ? "NATS/1.0\r\n\r\n" : ""}${n}:${"x".repeat(200)}`);
    stream.messages.append({
      subject: `s.${n}`,
      timestampUs: 1_000_000,
      headerSizeBytes: n <= 2 ? 12 : 0,
      data,
    });
  }
  await storage.close();
});

afterEach(() => rmSync(directory, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runStoreCommand(args, { out: (text) => (out += text), err: (text) => (err += text) });
  return { code, out, err };
}

function files(): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return names.filter((name) => statSync(join(directory, name)).isFile()).sort();
}

/** Everything in the directory, to see that nothing changed. */
function snapshot(): string[] {
  return files().map((name) => `${name} ${readFileSync(join(directory, name)).toString("base64")}`);
}

function damage(text: string): void {
  const name = files().find(
    (file) => file.endsWith(".seg") && readFileSync(join(directory, file)).includes(text),
  );
  const path = join(directory, name ?? "");
  const content = readFileSync(path);
  const at = content.indexOf(text) + text.length + 2;
  content[at] = 0x79;
  writeFileSync(path, content);
}

describe("store check", () => {
  it("tells what is there, says that it is fine, and changes nothing", async () => {
    const before = snapshot();
    const { code, out } = await run("check", directory);
    expect([code, snapshot()]).toEqual([0, before]);
    expect(out).toContain("ACME ORDERS: 200 messages 1 to 200, 1 consumer\n");
    expect(out).toContain("no damage");
  });

  it("finds a damaged message in a sealed file and in the newest, ends with 1, and changes nothing", async () => {
    damage(" 20:".trim());
    damage("199:");
    const before = snapshot();
    const { code, out } = await run("check", directory, "--json");
    expect([code, snapshot()]).toEqual([1, before]);
    const report = JSON.parse(out) as {
      streams: { lost: object[]; damagedFiles: number }[];
      problems: object[];
    };
    expect(report.streams).toMatchObject([
      {
        account: "ACME",
        name: "ORDERS",
        messages: 198,
        damagedFiles: 2,
        lost: [
          { firstSequence: 20, lastSequence: 20 },
          { firstSequence: 199, lastSequence: 199 },
        ],
      },
    ]);
    expect((await run("check", directory)).out).toMatch(/lost: 20 to 20[\s\S]*2 files with damage/);
  });

  it("ends with 3 while a broker uses the directory, with 4 where there is no store", async () => {
    const storage = await openFileStorage({ directory });
    const inUse = await run("check", directory);
    await storage.close();
    expect([inUse.code, inUse.err]).toEqual([3, expect.stringContaining("ganglion-broker store: ")]);
    const missing = await run("repair", join(directory, "nowhere"));
    expect([missing.code, missing.err]).toEqual([4, expect.stringContaining("holds no store")]);
    expect(readdirSync(directory)).not.toContain("nowhere");
  });
});

describe("store repair", () => {
  it("writes damaged files anew, keeps copies, and still tells what was lost", async () => {
    damage("20:");
    damage("199:");
    const first = await run("repair", directory, "--json");
    expect(first.code).toBe(1);
    expect(JSON.parse(first.out)).toMatchObject({ streams: [{ messages: 198, damagedFiles: 0 }] });
    expect(files().filter((name) => name.endsWith(".damaged"))).toHaveLength(2);
    const second = await run("check", directory, "--json");
    expect(JSON.parse(second.out)).toMatchObject({
      streams: [{ messages: 198, damagedFiles: 0, lost: [{ firstSequence: 20 }, { firstSequence: 199 }] }],
      problems: [],
    });
  });
});

describe("store dump", () => {
  it("prints streams and messages as lines of JSON", async () => {
    damage("20:");
    const before = snapshot();
    const { code, out } = await run("dump", directory);
    const [stream, ...messages] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect([code, messages.length, snapshot()]).toEqual([0, 199, before]);
    expect(stream).toEqual({
      stream: "ORDERS",
      account: "ACME",
      metadata: { a: 1 },
      consumers: [{ name: "worker", metadata: { b: 2 } }],
    });
    expect(messages[0]).toEqual({
      seq: 1,
      subject: "s.1",
      time: "1970-01-01T00:00:01.000Z",
      hdrs: Buffer.from("NATS/1.0\r\n\r\n").toString("base64"),
      data: Buffer.from(`1:${"x".repeat(200)}`).toString("base64"),
    });
    expect(messages[2]).not.toHaveProperty("hdrs");
  });
});

describe("store", () => {
  it.each([[[]], [["mend", "x"]], [["check"]], [["check", "a", "b"]], [["check", "a", "--fast"]]])(
    "%j is refused with the usage and exit code 2",
    async (args) => {
      const { code, out, err } = await run(...args);
      expect([code, out]).toEqual([2, ""]);
      expect(err).toContain("Usage: ganglion-broker store");
    },
  );

  it("--help prints the usage", async () => {
    expect(await run("--help")).toMatchObject({ code: 0, out: expect.stringContaining("Exit codes: 0") });
  });
});
