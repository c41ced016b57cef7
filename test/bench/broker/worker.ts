import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type MessageFrame, ServerOperationParser } from "@ganglion/protocol";
import { percentile } from "../support/compare.js";
import { CREDIT_SUBJECT, windowOf } from "./window.js";
import { encodePublish, openWire } from "./wire.js";
import type {
  CountJob,
  FeedJob,
  PublishJob,
  RequestJob,
  RespondJob,
  WorkerJob,
  WorkerReport,
} from "./worker-job.js";

/** Time at the start of a measurement that does not count. */
const SETTLE_MS = 300;
/** Bytes of pre-encoded operations per write. */
const CHUNK_BYTES = 256 * 1024;

function report(message: WorkerReport): void {
  process.send?.(message);
}

/** Counts with `read` over the job's time. @returns the rate per second. */
async function measure(job: WorkerJob, read: () => number): Promise<number> {
  await delay(SETTLE_MS);
  report({ kind: "started" });
  const [from, startedMs] = [read(), performance.now()];
  await delay(job.seconds * 1000);
  return (read() - from) / ((performance.now() - startedMs) / 1000);
}

/** The same message so many times. */
function repeated(job: WorkerJob, count: number): Buffer {
  const one = encodePublish(job.subject, "", Buffer.alloc(job.payloadBytes, "x"));
  return Buffer.concat(new Array<Buffer>(count).fill(one));
}

/** Each batch ends with a PING, so that a PONG confirms it; a few batches are on their way at a time. */
async function publish(job: PublishJob): Promise<void> {
  const socket = await openWire(job.url);
  const count = Math.max(1, Math.floor(CHUNK_BYTES / (job.payloadBytes + 30)));
  const confirmed = Buffer.concat([repeated(job, count), Buffer.from("PING\r\n")]);
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
  report({ kind: "rate", perSecond: await measure(job, () => messages) });
}

async function feed(job: FeedJob): Promise<void> {
  const { batch, batches } = windowOf(job);
  const credit = `MSG ${CREDIT_SUBJECT} 1 0\r\n\r\n`.length;
  const socket = await openWire(job.url, `SUB ${CREDIT_SUBJECT} 1\r\n`);
  const bytes = repeated(job, batch);
  let rest = 0;
  socket.on("data", (chunk: Buffer) => {
    rest += chunk.length;
    for (; rest >= credit; rest -= credit) socket.write(bytes);
  });
  report({ kind: "ready" });
  for (let i = 0; i < batches; i++) socket.write(bytes);
}

async function count(job: CountJob): Promise<void> {
  const { batch, copies } = windowOf(job);
  const frameBytes = `MSG ${job.subject} 1 ${job.payloadBytes}\r\n`.length + job.payloadBytes + 2;
  const batchBytes = frameBytes * batch * copies;
  const creditor = await openWire(job.url);
  const credit = encodePublish(CREDIT_SUBJECT, "", Buffer.alloc(0));
  let bytes = 0;
  let credited = 0;
  let begin: () => void = () => {};
  const flowing = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const received = (chunk: Buffer) => {
    bytes += chunk.length;
    begin();
    for (; bytes - credited >= batchBytes; credited += batchBytes) creditor.write(credit);
  };
  const sockets: Socket[] = [];
  for (let i = 0; i < job.subscribers; i++) {
    const socket = await openWire(job.url, `SUB ${job.subject} ${job.queue ? "q " : ""}1\r\n`);
    socket.on("data", received);
    sockets.push(socket);
  }
  report({ kind: "ready" });
  await flowing;
  const perSecond = await measure(job, () => bytes / frameBytes);
  if (sockets.some((socket) => socket.destroyed))
    throw new Error("The server closed a subscriber's connection");
  report({ kind: "rate", perSecond });
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
  private pieces: Uint8Array[] = [];

  append(operation: Uint8Array): void {
    this.pieces.push(operation);
  }

  writeTo(socket: Socket): void {
    const [first] = this.pieces;
    if (first === undefined) return;
    socket.write(this.pieces.length === 1 ? first : Buffer.concat(this.pieces));
    this.pieces = [];
  }
}

async function request(job: RequestJob): Promise<void> {
  const inbox = `_INBOX.${process.pid}`;
  const socket = await openWire(job.url, `SUB ${inbox}.* 1\r\n`);
  const payload = Buffer.alloc(job.payloadBytes, "x");
  const requests = Array.from({ length: job.inFlight }, (_, slot) =>
    encodePublish(job.subject, `${inbox}.${slot}`, payload),
  );
  const sentAtMs = new Float64Array(job.inFlight);
  let trips: number[] = [];
  let replies = 0;
  const batch = new Batch();
  const parser = onMessage(({ bytes, subjectStart, subjectEnd }) => {
    let slot = 0;
    for (let i = subjectStart + inbox.length + 1; i < subjectEnd; i++)
      slot = slot * 10 + (bytes[i] ?? 0) - 48;
    const nowMs = performance.now();
    trips.push(nowMs - (sentAtMs[slot] ?? nowMs)); // replies name the slot of their request
    sentAtMs[slot] = nowMs;
    replies++;
    batch.append(requests[slot] as Uint8Array);
  });
  socket.on("data", (chunk: Buffer) => {
    parser.feed(chunk);
    batch.writeTo(socket);
  });
  sentAtMs.fill(performance.now());
  socket.write(Buffer.concat(requests));
  report({ kind: "ready" });
  setTimeout(() => (trips = []), SETTLE_MS);
  const perSecond = await measure(job, () => replies);
  report({ kind: "rate", perSecond, p50: percentile(trips, 50) * 1000, p99: percentile(trips, 99) * 1000 });
}

async function respond(job: RespondJob): Promise<void> {
  const socket = await openWire(job.url, `SUB ${job.subject} 1\r\n`);
  const tail = Buffer.from(` ${job.payloadBytes}\r\n${"y".repeat(job.payloadBytes)}\r\n`);
  const verb = Buffer.from("PUB ");
  const batch = new Batch();
  const parser = onMessage(({ bytes, replyStart, replyEnd }) => {
    batch.append(verb);
    batch.append(bytes.slice(replyStart, replyEnd));
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
    case "feed":
      return feed(job);
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
