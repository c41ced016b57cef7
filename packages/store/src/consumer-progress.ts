import { assertNever } from "@ganglion/kernel";
import type { ConsumerChange, ConsumerState, PendingDelivery, SequencePair } from "./consumer-store.js";

const START: SequencePair = { consumer: 0, stream: 0 };

/** The state of one consumer while changes are applied to it. Used alike when running and in recovery. */
export class ConsumerProgress {
  private delivered = START;
  private ackFloor = START;
  /** In order of stream sequence, so that a floor takes entries from the front. */
  private pending = new Map<number, PendingDelivery>();
  private touched = false;

  /** A copy of the state; undefined when nothing ever happened. */
  snapshot(): ConsumerState | undefined {
    if (!this.touched) return undefined;
    return { delivered: this.delivered, ackFloor: this.ackFloor, pending: new Map(this.pending) };
  }

  get deliveredSequence(): number {
    return this.delivered.stream;
  }

  get pendingCount(): number {
    return this.pending.size;
  }

  replace(state: ConsumerState): void {
    this.touched = true;
    this.delivered = { ...state.delivered };
    this.ackFloor = { ...state.ackFloor };
    this.pending = new Map([...state.pending].sort(([left], [right]) => left - right));
  }

  apply(change: ConsumerChange): void {
    this.touched = true;
    switch (change.kind) {
      case "delivered":
        this.deliver(change);
        break;
      case "acknowledged":
        this.pending.delete(change.streamSequence);
        this.raiseFloor(change.ackFloor);
        break;
      case "floor":
        this.delivered = { ...change.delivered };
        this.raiseFloor(change.ackFloor);
        break;
      default:
        assertNever(change, "consumer change");
    }
  }

  private deliver(change: Extract<ConsumerChange, { kind: "delivered" }>): void {
    const { streamSequence, consumerSequence, timestampUs, deliveries } = change;
    this.delivered = {
      consumer: Math.max(this.delivered.consumer, consumerSequence),
      stream: Math.max(this.delivered.stream, streamSequence),
    };
    if (!change.pending) {
      this.ackFloor = this.delivered;
      return;
    }
    const first = this.pending.get(streamSequence)?.consumerSequence ?? consumerSequence;
    this.pending.set(streamSequence, { consumerSequence: first, timestampUs, deliveries });
  }

  private raiseFloor(ackFloor: SequencePair): void {
    this.ackFloor = { ...ackFloor };
    for (const sequence of this.pending.keys()) {
      if (sequence > ackFloor.stream) break;
      this.pending.delete(sequence);
    }
  }
}
