import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@ganglion/kernel";
import { openFileStorage, type Storage } from "@ganglion/store";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JetStreamFixture } from "../jetstream-fixture.js";

let directory: string;
let clock: VirtualClock;
let storage: Storage | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ganglion-timed-"));
  clock = new VirtualClock();
});

afterEach(async () => {
  await storage?.close();
  await rm(directory, { recursive: true, force: true });
});

/** Starts on the directory; what ran on it before is closed. */
async function start(running?: JetStreamFixture): Promise<JetStreamFixture> {
  await running?.jetstream.close();
  await storage?.close();
  storage = await openFileStorage({ directory, clock });
  return JetStreamFixture.start({ clock, fileStorage: storage });
}

async function stored(js: JetStreamFixture, subject: string, headers: Record<string, string> = {}) {
  const answer = js.publish(subject, subject, headers);
  return JSON.parse((await answer.next()).payload) as { seq: number; error?: { err_code: number } };
}

/** Every message of the stream: subject and headers, or payload. */
async function contents(js: JetStreamFixture): Promise<string[]> {
  const { state } = await js.ask<{ state: { first_seq: number; last_seq: number } }>("STREAM.INFO.S");
  const found: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const { message } = await js
      .ask<{ message: { subject: string; hdrs?: string } }>("STREAM.MSG.GET.S", { seq })
      .catch(() => ({ message: undefined }));
    if (message === undefined) continue;
    const headers = Buffer.from(message.hdrs ?? "", "base64").toString();
    found.push(
      [
        message.subject,
        ...headers
          .split("\r\n")
          .slice(1)
          .filter((line) => line !== ""),
      ].join(" | "),
    );
  }
  return found;
}

const onFile = { storage: "file", allow_msg_ttl: true };

describe("time to live", () => {
  it("lets each message go at its own time, also over a restart", async () => {
    const first = await start();
    await first.stream("S", onFile);
    await stored(first, "S.short", { "Nats-TTL": "5" });
    await stored(first, "S.long", { "Nats-TTL": "1h" });
    await stored(first, "S.plain");
    expect((await stored(first, "S.bad", { "Nats-TTL": "soon" })).error?.err_code).toBe(10165);
    expect((await stored(first, "S.bad", { "Nats-TTL": "1ms" })).error?.err_code).toBe(10165);
    await first.advance(4_000);
    expect(await contents(first)).toHaveLength(3);
    await first.advance(1_001);
    expect(await contents(first)).toEqual(["S.long | Nats-TTL: 1h", "S.plain"]);
    const second = await start(first);
    await second.advance(3_600_000);
    expect(await contents(second)).toEqual(["S.plain"]);
  });

  it("never goes beyond the age of the stream, unless it says so", async () => {
    const js = await start();
    await js.stream("S", { ...onFile, max_age: 10e9 });
    await stored(js, "S.ever", { "Nats-TTL": "never" });
    await stored(js, "S.long", { "Nats-TTL": "1h" });
    await stored(js, "S.plain");
    await js.advance(10_001);
    expect(await contents(js)).toEqual(["S.ever | Nats-TTL: never"]);
    await stored(js, "S.plain");
    await js.advance(10_001);
    expect(await contents(js)).toEqual(["S.ever | Nats-TTL: never"]);
  });

  it("leaves a marker where the last message of a subject went, for as long as the stream says", async () => {
    const js = await start();
    await js.stream("S", { ...onFile, subject_delete_marker_ttl: 60e9, max_msgs_per_subject: 5 });
    await stored(js, "S.a", { "Nats-TTL": "90s" });
    await stored(js, "S.b", { "Nats-TTL": "1s" });
    await stored(js, "S.b", { "Nats-TTL": "2m" });
    expect((await contents(js))[1]).toBe("S.b | Nats-TTL: 60");
    await js.advance(90_001);
    const marker = "Nats-Marker-Reason: MaxAge | Nats-TTL: 1m0s | Nats-Rollup: sub";
    expect(await contents(js)).toEqual(["S.b | Nats-TTL: 2m", `S.a | ${marker}`]);
    await js.advance(30_000);
    expect(await contents(js)).toEqual([`S.a | ${marker}`, `S.b | ${marker}`]);
    await js.advance(60_001);
    expect(await contents(js)).toEqual([]);
  });

  it("is refused where the stream does not allow it", async () => {
    const js = await start();
    await js.stream("S", { storage: "file" });
    expect((await stored(js, "S.a", { "Nats-TTL": "5" })).error?.err_code).toBe(10166);
  });
});

describe("schedules", () => {
  const scheduling = { ...onFile, allow_msg_schedules: true };

  it("store a message at their time, once, and are gone then", async () => {
    const first = await start();
    await first.stream("S", scheduling);
    const inAMinute = new Date(clock.nowMs() + 60_000).toISOString();
    const headers = { "Nats-Schedule": `@at ${inAMinute}`, "Nats-Schedule-Target": "S.out", Kept: "yes" };
    await stored(first, "S.plan", { ...headers, "Nats-Schedule-TTL": "1h", "Nats-Msg-Id": "m" });
    await first.advance(59_000);
    expect(await contents(first)).toEqual([expect.stringContaining("S.plan | Nats-Schedule: @at")]);
    const second = await start(first);
    await second.advance(1_001);
    const made = "S.out | Kept: yes | Nats-Scheduler: S.plan | Nats-Schedule-Next: purge | Nats-TTL: 1h";
    expect(await contents(second)).toEqual([made]);
    const third = await start(second);
    await third.advance(60_000);
    expect(await contents(third)).toEqual([made]);
  });

  it("fire again and again, with the last message of their source, and go on after a restart", async () => {
    const first = await start();
    await first.stream("S", scheduling);
    await stored(first, "S.source", { Version: "1" });
    await stored(first, "S.plan", {
      "Nats-Schedule": "@every 10s",
      "Nats-Schedule-Target": "S.out",
      "Nats-Schedule-Source": "S.source",
    });
    await first.advance(10_000);
    await stored(first, "S.source", { Version: "2" });
    await first.advance(10_000);
    const second = await start(first);
    await second.advance(10_000);
    const versions = (await contents(second))
      .filter((line) => line.startsWith("S.out"))
      .map((line) => line.split(" | ")[1]);
    expect(versions).toEqual(["Version: 1", "Version: 2", "Version: 2"]);
  });

  it("are replaced by the next one on their subject, and end when they are deleted or told to", async () => {
    const js = await start();
    await js.stream("S", scheduling);
    const every = (interval: string) => ({
      "Nats-Schedule": `@every ${interval}`,
      "Nats-Schedule-Target": "S.out",
    });
    await stored(js, "S.plan", every("5s"));
    const { seq } = await stored(js, "S.plan", every("60s"));
    await js.advance(59_000);
    expect(await contents(js)).toHaveLength(1);
    await js.ask("STREAM.MSG.DELETE.S", { seq });
    await js.advance(60_000);
    expect(await contents(js)).toEqual([]);
    await stored(js, "S.plan", every("5s"));
    await stored(js, "S.end", { "Nats-Schedule-Next": "purge", "Nats-Scheduler": "S.plan" });
    await js.advance(60_000);
    expect(await contents(js)).toEqual([expect.stringContaining("S.end")]);
  });
});
