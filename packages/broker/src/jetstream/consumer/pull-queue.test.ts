import type { PullRequest } from "@ganglion/protocol";
import { describe, expect, it } from "vitest";
import { PullQueue, type WaitingRequest } from "./pull-queue.js";

const request = (fields: Partial<PullRequest> = {}): PullRequest => ({
  batch: 1,
  max_bytes: 0,
  expires: 0,
  no_wait: false,
  idle_heartbeat: 0,
  ...fields,
});

function endings() {
  const ended: string[] = [];
  const end = ({ reply, messagesLeft, bytesLeft }: WaitingRequest, [code, text]: readonly [number, string]) =>
    void ended.push(`${reply}: ${code} ${text}, ${messagesLeft} messages, ${bytesLeft} bytes`);
  return { ended, end };
}

function serve(queue: PullQueue, sizeBytes = 1): string | undefined {
  const { end } = endings();
  const next = queue.peek({ sizeBytes, nowMs: 0, end, turnOf: () => "now" });
  if (next !== undefined) queue.deliver(sizeBytes, 0);
  return next?.reply;
}

const sweep = { nowMs: 0, endOfStream: false, hasInterest: () => true, heartbeat: () => {} };

describe("PullQueue", () => {
  it("serves requests in turn, each until it is filled", () => {
    const queue = new PullQueue(8);
    queue.add("a", request({ batch: 2 }), 0);
    queue.add("b", request({ batch: 3 }), 0);
    expect(queue.messagesWanted).toBe(5);
    expect(Array.from({ length: 6 }, () => serve(queue))).toEqual(["a", "b", "a", "b", "b", undefined]);
    expect(queue.size).toBe(0);
  });

  it("is full when as many requests wait as it may hold", () => {
    const queue = new PullQueue(2);
    queue.add("a", request(), 0);
    expect(queue.isFull).toBe(false);
    queue.add("b", request(), 0);
    expect(queue.isFull).toBe(true);
  });

  it("ends a request whose bytes are used up, or too few for the next message", () => {
    const queue = new PullQueue(8);
    const { ended, end } = endings();
    queue.add("a", request({ batch: 10, max_bytes: 100 }), 0);
    queue.add("b", request({ batch: 10 }), 0);
    expect(serve(queue, 60)).toBe("a");
    expect(serve(queue, 60)).toBe("b");
    expect(queue.peek({ sizeBytes: 60, nowMs: 0, end, turnOf: () => "now" })?.reply).toBe("b");
    expect(ended).toEqual(["a: 409 Message Size Exceeds MaxBytes, 9 messages, 40 bytes"]);
    const exact = new PullQueue(1);
    exact.add("c", request({ batch: 10, max_bytes: 60 }), 0);
    expect(serve(exact, 60)).toBe("c");
    expect(exact.size).toBe(0);
  });

  it("passes over and ends requests that are overdue", () => {
    const queue = new PullQueue(8);
    const { ended, end } = endings();
    queue.add("a", request({ expires: 5e6 }), 100);
    queue.add("b", request({ expires: 9e6 }), 100);
    expect(queue.peek({ sizeBytes: 1, nowMs: 105, end, turnOf: () => "now" })?.reply).toBe("b");
    expect(ended).toEqual(["a: 408 Request Timeout, 1 messages, 0 bytes"]);
  });

  it("sweep ends what is overdue, drops what nobody waits for and tells when to look again", () => {
    const queue = new PullQueue(8);
    const { ended, end } = endings();
    queue.add("late", request({ expires: 5e6 }), 0);
    queue.add("gone", request({ expires: 50e6 }), 0);
    queue.add("kept", request({ expires: 50e6 }), 0);
    queue.add("patient", request(), 0);
    const next = queue.sweep({ ...sweep, nowMs: 10, hasInterest: (reply) => reply !== "gone", end });
    expect([next, queue.size, ended.length]).toEqual([50, 2, 1]);
  });

  it("sweep sends heartbeats on time, which a delivery puts off", () => {
    const queue = new PullQueue(8);
    const beats: string[] = [];
    const { end } = endings();
    const heartbeat = ({ reply }: WaitingRequest) => void beats.push(reply);
    queue.add("a", request({ batch: 9, expires: 1000e6, idle_heartbeat: 100e6 }), 0);
    expect(queue.sweep({ ...sweep, nowMs: 50, heartbeat, end })).toBe(100);
    queue.peek({ sizeBytes: 1, nowMs: 60, end, turnOf: () => "now" });
    queue.deliver(1, 60);
    expect(queue.sweep({ ...sweep, nowMs: 110, heartbeat, end })).toBe(160);
    expect(queue.sweep({ ...sweep, nowMs: 160, heartbeat, end })).toBe(260);
    expect(beats).toEqual(["a"]);
  });

  it("sweep ends a no-wait request that got something when there is no more", () => {
    const queue = new PullQueue(8);
    const { ended, end } = endings();
    queue.add("a", request({ batch: 5, no_wait: true }), 0);
    queue.sweep({ ...sweep, endOfStream: true, end });
    expect(queue.size).toBe(1);
    serve(queue);
    queue.sweep({ ...sweep, endOfStream: false, end });
    expect(queue.size).toBe(1);
    queue.sweep({ ...sweep, endOfStream: true, end });
    expect(ended).toEqual(["a: 408 Request Timeout, 4 messages, 0 bytes"]);
  });

  it("a request that comes while others are ended stays", () => {
    const queue = new PullQueue(8);
    queue.add("a", request({ expires: 1e6 }), 0);
    queue.sweep({ ...sweep, nowMs: 5, end: () => queue.add("b", request(), 5) });
    expect(serve(queue)).toBe("b");
    queue.add("c", request(), 0);
    queue.endAll([409, "Consumer Deleted"], () => {});
    expect(queue.size).toBe(0);
  });
});
