/** What makes a saga move: the content of one message of the trigger stream. */
export type TriggerBody =
  | { readonly kind: "start"; readonly input: unknown; readonly trace: Readonly<Record<string, string>> }
  | { readonly kind: "signal"; readonly name: string; readonly data: unknown }
  | { readonly kind: "cancel"; readonly reason: string }
  | { readonly kind: "terminate"; readonly reason: string }
  /** An operator wants a stuck saga to try again. */
  | { readonly kind: "retry" }
  /** The sweeper found the saga idle. */
  | { readonly kind: "wake" }
  /** The time a suspended saga waits for. */
  | { readonly kind: "timer"; readonly dueAtMs: number };

/** A trigger as it is delivered to a worker, which has to settle it (invariant I2). */
export interface Trigger {
  readonly id: string;
  readonly body: TriggerBody;
  /** In the trigger stream; the same for every delivery. */
  readonly sequence: number;
  /** 1 at the first delivery. */
  readonly deliveryCount: number;
  ack(): void;
  /** Gives it back; it is delivered again after `delayMs`. */
  nak(delayMs: number): void;
  /** Keeps the lease. */
  working(): void;
}

/** How a worker reaches the trigger stream. */
export interface TriggerPublisher {
  /** Resolves when the timer is stored. @throws when that is not certain. */
  publishTimer(id: string, dueAtMs: number): Promise<void>;
  /** Whether the start of a saga is in the stream (still to be handled, or handled lately). */
  hasStart(id: string): Promise<boolean>;
}
