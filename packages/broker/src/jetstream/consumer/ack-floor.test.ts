import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AckFloor } from "./ack-floor.js";

/** The plain way: every delivery in a list, the floor found by looking at all of them. */
class NaiveFloor {
  readonly deliveries: { stream: number; consumer: number; pending: boolean; count: number }[] = [];
  delivered = { consumer: 0, stream: 0 };
  floor = { consumer: 0, stream: 0 };

  constructor(start: number) {
    this.delivered = { consumer: 0, stream: start - 1 };
    this.floor = this.delivered;
  }

  find(stream: number) {
    return this.deliveries.find((delivery) => delivery.stream === stream && delivery.pending);
  }

  raise(): void {
    const oldest = this.deliveries.find((delivery) => delivery.pending);
    this.floor =
      oldest === undefined ? this.delivered : { consumer: oldest.consumer - 1, stream: oldest.stream - 1 };
  }

  get pending(): number[] {
    return this.deliveries.filter((delivery) => delivery.pending).map((delivery) => delivery.stream);
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant("deliver" as const), gap: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constantFrom("ack", "redeliver", "abandon", "through"), nth: fc.nat(20) }),
  fc.record({ kind: fc.constant("skip" as const), ahead: fc.integer({ min: -3, max: 6 }) }),
);

describe("AckFloor", () => {
  it("agrees with a list of all deliveries", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 80 }), (start, steps) => {
        const floor = new AckFloor(start);
        const naive = new NaiveFloor(start);
        let next = start;
        for (const action of steps) {
          const pending = naive.pending;
          const chosen = "nth" in action ? pending[action.nth % Math.max(1, pending.length)] : undefined;
          if (action.kind === "deliver") {
            const stream = next + action.gap - 1;
            next = stream + 1;
            floor.deliver(stream, 1);
            naive.delivered = { consumer: naive.delivered.consumer + 1, stream };
            naive.deliveries.push({ ...naive.delivered, pending: true, count: 1 });
          } else if (action.kind === "skip") {
            const to = next + action.ahead;
            next = Math.max(next, to);
            const gone = naive.deliveries.filter((delivery) => delivery.pending && delivery.stream < to);
            const moves = gone.length > 0 || naive.floor.stream < to - 1;
            for (const delivery of gone) delivery.pending = false;
            if (naive.delivered.stream < to - 1) naive.delivered = { ...naive.delivered, stream: to - 1 };
            if (moves) naive.raise();
            expect(floor.skipTo(to)).toEqual(gone.map((delivery) => delivery.stream));
          } else if (chosen !== undefined) {
            const delivery = naive.find(chosen);
            const entry = floor.pending.get(chosen);
            if (delivery === undefined || entry === undefined) throw new Error("models differ");
            if (action.kind === "redeliver") {
              naive.delivered = { ...naive.delivered, consumer: naive.delivered.consumer + 1 };
              delivery.count++;
              expect(floor.redeliver(entry, 2)).toBe(naive.delivered.consumer);
            } else if (action.kind === "through") {
              const done = naive.deliveries.filter((other) => other.pending && other.stream <= chosen);
              for (const other of done) other.pending = false;
              naive.floor = { consumer: Math.max(naive.floor.consumer, delivery.consumer), stream: chosen };
              expect(floor.acknowledgeThrough(chosen, delivery.consumer)).toEqual(
                done.map((other) => other.stream),
              );
            } else {
              delivery.pending = false;
              if (action.kind === "ack" || naive.pending.length === 0) naive.raise();
              if (action.kind === "ack") expect(floor.acknowledge(chosen)).toBe(true);
              else floor.abandon(chosen);
            }
          }
          expect([...floor.pending.keys()]).toEqual(naive.pending);
          expect(floor.delivered).toEqual(naive.delivered);
          expect(floor.floor).toEqual(naive.floor);
          for (const [stream, entry] of floor.pending)
            expect(entry.deliveries).toBe(naive.find(stream)?.count);
        }
      }),
    );
  });

  it("knows nothing of what is not pending", () => {
    const floor = new AckFloor(1);
    floor.deliver(1, 0);
    expect(floor.acknowledge(1)).toBe(true);
    expect(floor.acknowledge(1)).toBe(false);
    expect(floor.acknowledge(7)).toBe(false);
    expect(floor.floor).toEqual({ consumer: 1, stream: 1 });
  });

  it("goes on from a stored state", () => {
    const pending = new Map([
      [9, { consumerSequence: 5, timestampUs: 1, deliveries: 2 }],
      [7, { consumerSequence: 4, timestampUs: 1, deliveries: 1 }],
    ]);
    const state = { delivered: { consumer: 6, stream: 9 }, ackFloor: { consumer: 3, stream: 5 }, pending };
    const floor = new AckFloor(1, state);
    expect(floor.floor).toEqual({ consumer: 3, stream: 5 });
    floor.acknowledge(7);
    expect(floor.floor).toEqual({ consumer: 4, stream: 8 });
    floor.acknowledge(9);
    expect(floor.floor).toEqual({ consumer: 6, stream: 9 });
    expect(pending.get(9)?.deliveries).toBe(2);
  });

  it("acknowledges by delivery where no acknowledgement is wanted", () => {
    const floor = new AckFloor(4);
    floor.deliverUnacknowledged(6);
    expect(floor.delivered).toEqual({ consumer: 1, stream: 6 });
    expect(floor.floor).toEqual({ consumer: 1, stream: 6 });
    expect(floor.pending.size).toBe(0);
  });
});
