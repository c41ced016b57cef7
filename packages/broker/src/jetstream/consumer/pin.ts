import { randomBytes } from "node:crypto";
import type { Clock, Timer } from "@ganglion/kernel";

/** Why a client lost its pin. */
export type UnpinReason = "admin" | "timeout";

/** What {@link Pin} is made with. */
export interface PinOptions {
  readonly clock: Clock;
  /** How long a client may stay away. */
  timeoutMs(): number;
  pinned(group: string, pinId: string): void;
  unpinned(group: string, reason: UnpinReason): void;
}

/**
 * The one client that is served by a consumer with the priority policy `pinned_client`.
 *
 * Source: nats-server consumer.go `assignNewPinId`, `setPinnedTimer`; ADR-42.
 */
export class Pin {
  private current: { readonly group: string; readonly id: string; readonly sinceUs: number } | undefined;
  private timer: Timer | undefined;

  constructor(private readonly options: PinOptions) {}

  /** Id of the pinned client; undefined: none is. */
  get id(): string | undefined {
    return this.current?.id;
  }

  /** When it was pinned, microseconds since 1970. */
  get sinceUs(): number | undefined {
    return this.current?.sinceUs;
  }

  /** Pins the client that asked for `group`. @returns its pin id. */
  assign(group: string): string {
    const id = randomBytes(11).toString("hex");
    this.current = { group, id, sinceUs: this.options.clock.nowUs() };
    this.renew();
    this.options.pinned(group, id);
    return id;
  }

  /** The pinned client was heard of. */
  renew(): void {
    this.timer?.cancel();
    this.timer = this.options.clock.schedule(this.options.timeoutMs(), () => this.release("timeout"));
  }

  /** Takes the pin away, so that the next client that asks gets one. */
  release(reason: UnpinReason): void {
    const { current } = this;
    this.stop();
    if (current !== undefined) this.options.unpinned(current.group, reason);
  }

  /** Ends it, without telling. */
  stop(): void {
    this.timer?.cancel();
    this.current = undefined;
  }
}
