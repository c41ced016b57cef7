import { Writable } from "node:stream";
import { VirtualClock } from "@ganglion/kernel";
import { ReusedFrame } from "@ganglion/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BlockPool } from "./block-pool.js";
import { FlushQueue } from "./flush-queue.js";
import { Outbox, type OutboxEnvironment } from "./outbox.js";

/** A socket whose writes are finished when the test says so; it takes the bytes only then, as a kernel does. */
class SlowTransport extends Writable {
  taken = Buffer.alloc(0);
  private pending: { readonly bytes: Uint8Array; readonly done: () => void } | undefined;
  immediate = true;

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.pending = { bytes, done };
    if (this.immediate) this.finish();
  }

  /** Finishes the write that is under way. @returns false when there is none. */
  finish(): boolean {
    const write = this.pending;
    if (write === undefined) return false;
    this.pending = undefined;
    this.taken = Buffer.concat([this.taken, write.bytes]);
    write.done();
    return true;
  }

  async finishAll(): Promise<void> {
    this.immediate = true;
    while (this.finish() || this.writableLength > 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function setUp(overrides: Partial<OutboxEnvironment> = {}) {
  const transport = new SlowTransport();
  const clock = new VirtualClock();
  const environment = {
    pool: new BlockPool(),
    queue: new FlushQueue(),
    clock,
    maxPendingBytes: 64 * 1024 * 1024,
    writeDeadlineMs: 10_000,
    ...overrides,
  };
  const slow: string[] = [];
  // An outbox only writes, so the half of a Duplex is enough.
  const outbox: Outbox = new Outbox(transport as never, environment, (reason) => {
    slow.push(reason);
    outbox.close({ discard: true });
  });
  return { transport, clock, environment, outbox, slow };
}

/** A frame whose canonical tail is `tail`, in memory that is overwritten after the call when it is not retainable. */
function frameOf(tail: Buffer, retainable: boolean): ReusedFrame {
  const frame = new ReusedFrame();
  frame.bytes = new Uint8Array(tail);
  frame.dataEnd = tail.length - 2;
  frame.retainable = retainable;
  return frame;
}

const operation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("append" as const), size: fc.integer({ min: 1, max: 3000 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("message" as const), size: fc.integer({ min: 2, max: 3000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("message" as const),
      size: fc.integer({ min: 60_000, max: 150_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      size: fc.integer({ min: 60_000, max: 150_000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom({ kind: "flush" as const, size: 0 }, { kind: "finish" as const, size: 0 }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ kind: "slow" as const, size: 0 }, { kind: "fast" as const, size: 0 }),
  },
);

describe("Outbox", () => {
  test("writes every byte once and in order, whatever the kernel takes when (a failure prints its seed)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 80 }),
        fc.boolean(),
        async (operations, retainable) => {
          const first = setUp();
          // A second outbox on the same blocks: a block that is given back too early is overwritten by it.
          const second = new Outbox(new SlowTransport() as never, first.environment, () => {});
          const expected: Buffer[] = [];
          let fill = 0;
          for (const { kind, size } of operations) {
            if (kind === "slow" || kind === "fast") first.transport.immediate = kind === "fast";
            else if (kind === "flush") first.outbox.flush();
            else if (kind === "finish") first.transport.finish();
            else {
              const bytes = Buffer.alloc(size, `${++fill}:`);
              expected.push(bytes);
              if (kind === "append") first.outbox.append(bytes);
              else {
                const frame = frameOf(bytes.subarray(1), retainable);
                first.outbox.appendMessage(bytes.subarray(0, 1), frame);
                if (!retainable) frame.bytes.fill(0xff);
              }
            }
            second.append(Buffer.alloc(100, 0xee));
            second.flush();
          }
          first.outbox.flush();
          await first.transport.finishAll();
          expect(first.transport.taken.equals(Buffer.concat(expected))).toBe(true);
          expect(first.outbox.pendingBytes).toBe(0);
          expect(first.slow).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("flushes by itself at the end of the turn, in one write", async () => {
    const { outbox, transport } = setUp();
    outbox.append(Buffer.from("a"));
    outbox.append(Buffer.from("b"));
    expect(transport.taken.length).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(transport.taken.toString()).toBe("ab");
  });

  test("tells that more than the allowed bytes wait", () => {
    const { outbox, transport, slow } = setUp({ maxPendingBytes: 100_000 });
    transport.immediate = false;
    for (let i = 0; i < 3; i++) {
      outbox.append(Buffer.alloc(40_000));
      outbox.flush();
    }
    expect(slow).toEqual(["Slow Consumer (Pending Bytes)"]);
  });

  test("tells that a write took longer than the deadline, counted from the last progress", async () => {
    const { outbox, transport, clock, slow } = setUp();
    transport.immediate = false;
    outbox.append(Buffer.from("a"));
    outbox.flush();
    outbox.append(Buffer.from("b"));
    outbox.flush();
    clock.advance(9_000);
    transport.finish();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(9_000);
    expect(slow).toEqual([]);
    clock.advance(1_000);
    expect(slow).toEqual(["Slow Consumer (Write Deadline)"]);
  });

  test("paces: calls back when there is room, and when it is closed", async () => {
    const { outbox, transport } = setUp({ maxPendingBytes: 400_000 });
    const called: string[] = [];
    outbox.whenRoom(() => called.push("at once"));
    transport.immediate = false;
    for (let i = 0; i < 4; i++) {
      outbox.append(Buffer.alloc(60_000));
      outbox.flush();
    }
    expect(outbox.hasRoom).toBe(false);
    outbox.whenRoom(() => called.push("room"));
    transport.finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(called).toEqual(["at once"]);
    await transport.finishAll();
    expect(called).toEqual(["at once", "room"]);
    transport.immediate = false;
    for (let i = 0; i < 4; i++) {
      outbox.append(Buffer.alloc(60_000));
      outbox.flush();
    }
    outbox.whenRoom(() => called.push("closed"));
    outbox.close({ discard: true });
    expect(called).toEqual(["at once", "room", "closed"]);
    expect(outbox.append(Buffer.from("late"))).toBe(false);
    expect(outbox.appendMessage(Buffer.from("late"), frameOf(Buffer.alloc(200_000), true))).toBe(false);
  });

  test("is congested above three quarters of the allowed bytes", async () => {
    const { outbox, transport } = setUp({ maxPendingBytes: 100_000 });
    transport.immediate = false;
    outbox.append(Buffer.alloc(60_000));
    outbox.flush();
    expect(outbox.congested).toBe(false);
    outbox.append(Buffer.alloc(20_000));
    outbox.flush();
    expect(outbox.congested).toBe(true);
    let relieved = false;
    outbox.whenUncongested(() => {
      relieved = true;
    });
    await transport.finishAll();
    expect([relieved, outbox.congested]).toEqual([true, false]);
  });
});
