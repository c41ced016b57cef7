import type { Clock } from "@ganglion/kernel";
import type { BrokerContext } from "./connection/broker-context.js";
import { CLOSE_REASON } from "./connection/close-reason.js";

/** Longest time between two connections that are closed. */
const MAX_STEP_MS = 1_000;
/** Time to close all connections when the grace period leaves none. */
const MIN_SPREAD_MS = 1_000;

/**
 * Tells the clients that the broker is about to stop, lets them go elsewhere for the grace period, and closes the
 * connections one by one over the rest of the lame duck duration, so that their next server is not flooded.
 *
 * @param signal - ends it early.
 * Source: nats-server server.go `lameDuckMode`.
 */
export async function leaveSlowly(
  { options, registry }: Pick<BrokerContext, "options" | "registry">,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, lameDuckDurationMs, lameDuckGracePeriodMs } = options;
  const connections = registry.all();
  if (connections.length === 0) return;
  for (const connection of connections) connection.announce({ ldm: true });
  await pause(clock, lameDuckGracePeriodMs, signal);
  if (signal.aborted) return;
  logger.info("Closing existing clients");
  const restMs = lameDuckDurationMs - lameDuckGracePeriodMs;
  const stepMs = Math.min((restMs > 0 ? restMs : MIN_SPREAD_MS) / connections.length, MAX_STEP_MS);
  for (const [i, connection] of connections.entries()) {
    connection.close(CLOSE_REASON.serverShutdown);
    if (i < connections.length - 1) await pause(clock, stepMs * (0.5 + Math.random() / 2), signal);
    if (signal.aborted) return;
  }
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = () => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.schedule(delayMs, end);
    signal.addEventListener("abort", end);
  });
}
