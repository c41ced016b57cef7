import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type MessageFrame, ServerOperationParser } from "@ganglion/protocol";
import { encodePublish, openWire, writeForever } from "./wire.js";
import type { WorkerJob, WorkerReport } from "./worker-job.js";

/** Time at the start of a measurement that does not count. */
const SETTLE_MS = 300;
/** Bytes of pre-encoded operations per write. */
const CHUNK_BYTES = 256 * 1024;

function report(message: WorkerReport): void {
  process.send?.(message);
}

/** Counts with `read` over the job's time and reports the rate. */
async function measure(job: WorkerJob, read: () => number): Promise<void> {
  await delay(SETTLE_MS);
  const [from, startedMs] = [read(), performance.now()];
  await delay(job.seconds * 1000);
  const perSecond = (read() - from) / ((performance.now() - startedMs) / 1000);
  report({ kind: "rate", perSecond });
}

/** Many encoded messages in one buffer. */
function batch(job: WorkerJob): { readonly bytes: Buffer; readonly count: number } {
  const one = encodePublish(job.subject, "", Buffer.alloc(job.payloadBytes, "x"));
  const count = Math.floor(CHUNK_BYTES / one.length);
  return { bytes: Buffer.concat(new Array(count).fill(one)), count };
}

/** Each batch ends with a PING, so that a PONG confirms it; a few batches are on their way at a time. */
async function publish(job: WorkerJob): Promise<void> {
  const socket = await openWire(job.url);
  const { bytes, count } = batch(job);
  const confirmed = Buffer.concat([bytes, Buffer.from("PING\r\n")]);
  let messages = 0;
  let rest = 0;
  socket.on("data", (chunk: Buffer) => {
    // Nothing but PONGs of six bytes arrives here.
    rest += chunk.length;
    for (; rest >= 6; rest -= 6) {
      messages += count;
      socket.write(confirmed);
    }
  });
  for (let i = 0; i < 8; i++) socket.write(confirmed);
  report({ kind: "ready" });
  await measure(job, () => messages);
}

async function flood(job: WorkerJob): Promise<void> {
  const socket = await openWire(job.url);
  report({ kind: "ready" });
  writeForever(socket, batch(job).bytes);
}

async function count(job: WorkerJob): Promise<void> {
  const socket = await openWire(job.url, `SUB ${job.subject} 1\r\n`);
  const frameBytes = `MSG ${job.subject} 1 ${job.payloadBytes}\r\n`.length + job.payloadBytes + 2;
  let bytes = 0;
  let started: () => void = () => {};
  const flowing = new Promise<void>((resolve) => {
    started = resolve;
  });
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    started();
  });
  report({ kind: "ready" });
  await flowing;
  await measure(job, () => bytes / frameBytes);
  if (socket.destroyed) throw new Error("The server closed the connection of the subscriber");
}

/** Reads messages only; whatever else a server sends is of no interest here. */
function onMessage(handle: (frame: MessageFrame) => void): ServerOperationParser {
  const nothing = () => {};
  return new ServerOperationParser({
    message: handle,
    info: nothing,
    ping: nothing,
    pong: nothing,
    ok: nothing,
    error: (text) => {
      throw new Error(`The server answered ${text}`);
    },
  });
}

/** Where the operations of one turn are put together. */
class Batch {
  private bytes = Buffer.allocUnsafeSlow(1024 * 1024);
  private used = 0;

  append(operation: Uint8Array): void {
    this.bytes.set(operation, this.used);
    this.used += operation.length;
  }

  appendText(text: string): void {
    this.used += this.bytes.write(text, this.used, "latin1");
  }

  /** Writes it out. The socket keeps the memory, so the next batch gets its own. */
  writeTo(socket: Socket): void {
    if (this.used === 0) return;
    socket.write(Buffer.from(this.bytes.subarray(0, this.used)));
    this.used = 0;
  }
}

async function request(job: WorkerJob & { role: "request" }): Promise<void> {
  const inbox = `_INBOX.${process.pid}`;
  const socket = await openWire(job.url, `SUB ${inbox}.* 1\r\n`);
  const payload = Buffer.alloc(job.payloadBytes, "x");
  const requests = Array.from({ length: job.inFlight }, (_, slot) =>
    encodePublish(job.subject, `${inbox}.${slot}`, payload),
  );
  let replies = 0;
  const batch = new Batch();
  const parser = onMessage(({ bytes, subjectStart, subjectEnd }) => {
    let slot = 0;
    for (let i = subjectStart + inbox.length + 1; i < subjectEnd; i++)
      slot = slot * 10 + (bytes[i] ?? 0) - 48;
    replies++;
    batch.append(requests[slot] as Uint8Array); // replies name the slot of their request
  });
  socket.on("data", (chunk: Buffer) => {
    parser.feed(chunk);
    batch.writeTo(socket);
  });
  socket.write(Buffer.concat(requests));
  report({ kind: "ready" });
  await measure(job, () => replies);
}

async function respond(job: WorkerJob): Promise<void> {
  const socket = await openWire(job.url, `SUB ${job.subject} 1\r\n`);
  const tail = Buffer.from(` ${job.payloadBytes}\r\n${"y".repeat(job.payloadBytes)}\r\n`);
  const batch = new Batch();
  const parser = onMessage(({ bytes, replyStart, replyEnd }) => {
    batch.appendText("PUB ");
    batch.append(bytes.subarray(replyStart, replyEnd));
    batch.append(tail);
  });
  socket.on("data", (chunk: Buffer) => {
    parser.feed(chunk);
    batch.writeTo(socket);
  });
  report({ kind: "ready" });
}

async function work(job: WorkerJob): Promise<void> {
  switch (job.role) {
    case "publish":
      return publish(job);
    case "flood":
      return flood(job);
    case "count":
      return count(job);
    case "request":
      return request(job);
    case "respond":
      return respond(job);
  }
}

process.once("message", (job: WorkerJob) => void work(job));
process.once("disconnect", () => process.exit());
