/**
 * How much a push consumer may have on the way to its subscriber. It asks the subscriber to answer a flow
 * control message when half of the window is used, and stalls when all of it is; each answer doubles the
 * window up to its limit. Pure.
 *
 * Source: nats-server consumer.go `needFlowControl`, `processFlowControl`.
 */
export class FlowControl {
  private windowBytes: number;
  private onTheWayBytes = 0;
  /** Bytes the outstanding request stands for. */
  private requestedBytes = 0;
  private outstanding: string | undefined;

  constructor(private readonly limitBytes: number) {
    this.windowBytes = Math.max(1, Math.floor(limitBytes / 16));
  }

  /** Subject of the request that waits for its answer. */
  get outstandingRequest(): string | undefined {
    return this.outstanding;
  }

  get isStalled(): boolean {
    return this.onTheWayBytes > this.windowBytes;
  }

  /** Counts a delivery. @returns whether to send a flow control request now, by {@link request}. */
  delivered(sizeBytes: number): boolean {
    this.onTheWayBytes += sizeBytes;
    if (this.outstanding === undefined) return this.onTheWayBytes > this.windowBytes / 2;
    if (this.onTheWayBytes - this.requestedBytes >= this.windowBytes) this.requestedBytes += sizeBytes;
    return false;
  }

  /** Notes that a request was sent; `subject` is where its answer comes in. */
  request(subject: string): void {
    this.outstanding = subject;
    this.requestedBytes = this.onTheWayBytes;
  }

  /** Takes in an answer. @returns false when it answers no outstanding request. */
  answered(subject: string): boolean {
    if (subject !== this.outstanding) return false;
    this.windowBytes = Math.min(this.windowBytes * 2, this.limitBytes);
    this.onTheWayBytes = Math.max(0, this.onTheWayBytes - this.requestedBytes);
    this.outstanding = undefined;
    this.requestedBytes = 0;
    return true;
  }
}
