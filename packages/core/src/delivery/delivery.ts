import type { WorkContext } from "../runtime/work-context.js";
import { Expiring } from "../timing/deadlines.js";
import type { ConsumedMessage } from "../transport/message.js";
import type { DurableSource } from "./durable-source.js";

/** A message between its arrival and its settlement. */
export class Delivery extends Expiring {
  /** Attempts made in this process beyond the server's count, while its key waited here. */
  localAttempts = 0;
  /** Decoded data. */
  input: unknown;
  /** Set while a method works on it. */
  ctx: WorkContext | undefined;
  /** The key it is ordered by. */
  lane: string | undefined;

  constructor(
    readonly message: ConsumedMessage,
    private readonly source: DurableSource,
  ) {
    super();
  }

  /** How often it was tried, the current time included. */
  get attempt(): number {
    return this.message.deliveryCount + this.localAttempts;
  }

  get settled(): boolean {
    return this.message.settled;
  }

  /** The method has taken longer than it may. */
  override expire(): void {
    this.source.overdue(this);
  }
}
