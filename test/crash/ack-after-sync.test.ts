import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brokerAvailability, tempDirectory, waitFor } from "@ganglion/testing";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { parseTrace, unsyncedAcks } from "./system-call-trace.js";

const BROKER = fileURLToPath(new URL("../../packages/broker/bin/ganglion-broker.mjs", import.meta.url));
const STREAM = "TRACED";
const MESSAGES = 300;
const IN_FLIGHT = 8;
const TRACED_CALLS = "pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,fdatasync,fsync";

describe("a PubAck", () => {
  it("reaches the socket only after an fdatasync that covers the message", { timeout: 60_000 }, async ({
    skip,
  }) => {
    const reason = whyNot();
    if (reason !== undefined && process.env.CI === "true") expect.unreachable(reason);
    if (reason !== undefined) {
      console.info(`ack-after-sync is left out: ${reason}`);
      skip(reason);
    }
    await using directory = await tempDirectory("ganglion-trace-");
    const trace = join(directory.path, "trace");
    const tokens = await publishTraced(directory.path, trace);
    const calls = parseTrace(readFileSync(trace, "latin1"));
    const { wrong, acks } = unsyncedAcks({ calls, stream: STREAM, tokens });
    expect(wrong).toEqual([]);
    expect(acks).toBe(MESSAGES);

    // The same trace without its syncs, or with every sync begun too early, must not pass.
    const unsynced = calls.filter(({ name }) => name !== "fdatasync");
    expect(unsyncedAcks({ calls: unsynced, stream: STREAM, tokens }).wrong).toHaveLength(MESSAGES);
    const early = calls.map((call) => (call.name === "fdatasync" ? { ...call, begin: 0 } : call));
    expect(unsyncedAcks({ calls: early, stream: STREAM, tokens }).wrong).toHaveLength(MESSAGES);
  });
});

describe("parseTrace", () => {
  const file = "21</store/0000000001.seg>";
  const socket =
    '19<TCP:[127.0.0.1:1->127.0.0.1:2]>, "MSG a 1 30\\r\\n{\\"stream\\":\\"TRACED\\",\\"seq\\":1}\\r\\n", 44';
  const tokens = new Map([[1, "tok-1."]]);
  const check = (...lines: string[]) =>
    unsyncedAcks({ calls: parseTrace(lines.join("\n")), stream: STREAM, tokens });

  it("joins calls that other threads interrupted", () => {
    const lines = [
      `1 pwrite64(${file}, "\\0\\1tok-1.", 8, 4096 <unfinished ...>`,
      "2 --- SIGCHLD {} ---",
      "1 <... pwrite64 resumed>) = 8",
      `3 fdatasync(${file} <unfinished ...>`,
      "3 <... fdatasync resumed>) = 0",
      `2 write(${socket}) = 44`,
    ];
    expect(check(...lines)).toEqual({ wrong: [], acks: 1 });
    // The ack while the sync was still on its way:
    const [write, signal, resumed, sync, synced, ack] = lines as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    expect(check(write, signal, resumed, sync, ack, synced).wrong).toEqual([
      "1: acknowledged before /store/0000000001.seg was synced",
    ]);
    expect(check(sync, synced, write, resumed, ack).wrong).toHaveLength(1);
    expect(check(ack, write, resumed, sync, synced).wrong).toEqual([
      "1: acknowledged before its bytes were written",
    ]);
  });

  it("counts only bytes that were really written, and syncs that succeeded, of the same file", () => {
    const ack = `2 write(${socket}) = 44`;
    const write = (result: number) =>
      `1 pwritev(${file}, [{iov_base="\\0\\1", iov_len=2}, {iov_base="tok-1.", iov_len=6}], 2, 4096) = ${result}`;
    expect(check(write(8), `1 fdatasync(${file}) = 0`, ack).wrong).toEqual([]);
    expect(check(write(4), `1 fdatasync(${file}) = 0`, ack).wrong).toHaveLength(1);
    expect(check(write(8), `1 fdatasync(${file}) = -1 EIO (Input/output error)`, ack).wrong).toHaveLength(1);
    expect(check(write(8), "1 fdatasync(22</store/0000000002.seg>) = 0", ack).wrong).toHaveLength(1);
  });
});

function whyNot(): string | undefined {
  const { error, status } = spawnSync("strace", ["-qq", "-o", "/dev/null", "true"]);
  if (error !== undefined) return "strace is not installed";
  if (status !== 0) return "strace may not trace processes here";
  return brokerAvailability("broker-process").reason;
}

/** Runs the broker under strace and publishes to a stream on files. @returns a token per sequence. */
async function publishTraced(directory: string, trace: string): Promise<Map<number, string>> {
  const strace = spawn(
    "strace",
    [
      ...["-f", "-qq", "-yy", "-s", "1000000", "-e", `trace=${TRACED_CALLS}`, "-o", trace],
      ...[process.execPath, BROKER, "-a", "127.0.0.1", "-p", "-1"],
      ...["--ports_file_dir", directory, "-js", "-sd", join(directory, "store")],
    ],
    // File operations by way of io_uring would be no system calls of their own.
    { stdio: "ignore", env: { ...process.env, UV_USE_IO_URING: "0" } },
  );
  const exited = once(strace, "exit");
  const { url, pid } = await waitFor(() => portsFile(directory), {
    timeoutMs: 20_000,
    what: "the ports file",
  });
  try {
    return await publish(url);
  } finally {
    process.kill(pid, "SIGTERM");
    await withDeadline(exited, strace);
  }
}

async function publish(url: string): Promise<Map<number, string>> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: STREAM, subjects: ["traced.>"] });
  const client = jetstream(connection);
  const tokens = new Map<number, string>();
  let count = 0;
  const publishers = Array.from({ length: IN_FLIGHT }, async () => {
    while (count < MESSAGES) {
      const token = `tok-${++count}.`;
      tokens.set((await client.publish("traced.a", token)).seq, token);
    }
  });
  await Promise.all(publishers);
  await connection.close();
  return tokens;
}

function portsFile(directory: string): { url: string; pid: number } | undefined {
  const name = readdirSync(directory).find((entry) => entry.endsWith(".ports"));
  const pid = /_(\d+)\.ports$/.exec(name ?? "")?.[1];
  if (name === undefined || pid === undefined) return undefined;
  const { nats } = JSON.parse(readFileSync(join(directory, name), "utf8")) as { nats: string[] };
  return { url: nats[0] ?? "", pid: Number(pid) };
}

async function withDeadline(exited: Promise<unknown>, child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await exited;
  clearTimeout(timer);
}
