import type { Logger } from "@ganglion/kernel";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/**
 * Stops at SIGTERM and SIGINT, and ends the process: with 0 when stopping succeeded. A second signal ends it at once.
 *
 * @returns a function that takes it back
 */
export function onSignals(stop: () => Promise<void>, logger: Logger): () => void {
  let stopping = false;
  const handler = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.info("stopping", { signal });
    stop().then(
      () => process.exit(0),
      (error) => {
        logger.error("stopping failed", { error });
        process.exit(1);
      },
    );
  };
  for (const signal of SIGNALS) process.on(signal, handler);
  return () => {
    // A handler that is stopping has to see the second signal.
    if (!stopping) for (const signal of SIGNALS) process.off(signal, handler);
  };
}
