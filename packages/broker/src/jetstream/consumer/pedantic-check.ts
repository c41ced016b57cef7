import type { ConsumerConfig, StreamConfig } from "@ganglion/protocol";
import { apiFault } from "../api/api-fault.js";

const NOT_NEGATIVE = [
  "max_waiting",
  "max_batch",
  "max_expires",
  "max_bytes",
  "idle_heartbeat",
  "inactive_threshold",
  "priority_timeout",
] as const;

/**
 * Refuses what defaults would change of a consumer.
 *
 * @param given - as the request has it, before defaults.
 * @throws ApiFault `Pedantic`. Source: nats-server consumer.go `setConsumerConfigDefaults`.
 */
export function checkPedanticConsumer(
  given: ConsumerConfig,
  { consumer_limits: limits }: StreamConfig,
): void {
  const refuse = (reason: string) => apiFault("Pedantic", { err: reason });
  for (const name of ["max_deliver", "max_ack_pending"] as const) {
    if ((given[name] ?? 0) < -1) throw refuse(`${name} must be set to -1`);
  }
  for (const name of NOT_NEGATIVE) {
    if ((given[name] ?? 0) < 0) throw refuse(`${name} must not be negative`);
  }
  const [backoff] = given.backoff ?? [];
  if (backoff !== undefined && backoff !== given.ack_wait) {
    throw refuse("first backoff value has to equal batch AckWait");
  }
  for (const name of ["max_ack_pending", "inactive_threshold"] as const) {
    if (given[name] === undefined && (limits[name] ?? 0) > 0) {
      throw refuse(`${name} must be set if it's configured in stream limits`);
    }
  }
}
