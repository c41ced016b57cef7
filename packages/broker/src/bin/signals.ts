import type { Logger } from "@ganglion/kernel";

/** What the signals of the command do. */
export interface SignalActions {
  /** SIGINT, SIGTERM. */
  stop(): void;
  /** SIGUSR1. */
  reopenLog(): void;
}

/** Connects the process's signals. Source: nats-server signal.go `handleSignals`. */
export function handleSignals(logger: Logger, actions: SignalActions): void {
  const on = (signal: NodeJS.Signals, act: () => void) =>
    process.on(signal, () => {
      logger.debug(`Trapped "${signal}" signal`);
      act();
    });
  on("SIGINT", () => actions.stop());
  on("SIGTERM", () => actions.stop());
  // Node's inspector would be started by SIGUSR1 if nobody listened.
  on("SIGUSR1", () => actions.reopenLog());
  // Until configuration can be reloaded, the signal must at least not end the process.
  on("SIGHUP", () => {});
}
