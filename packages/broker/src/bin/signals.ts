import type { Logger } from "@ganglion/kernel";

/** What the signals of the command do. */
export interface SignalActions {
  /** SIGINT. */
  stop(): void;
  /** SIGTERM. */
  terminate(): void;
  /** SIGUSR1. */
  reopenLog(): void;
  /** SIGHUP. */
  reload(): void;
  /** SIGUSR2. */
  lameDuck(): void;
}

/** Connects the process's signals. Source: nats-server signal.go `handleSignals`. */
export function handleSignals(logger: Logger, actions: SignalActions): void {
  const on = (signal: NodeJS.Signals, act: () => void) =>
    process.on(signal, () => {
      logger.debug(`Trapped "${signal}" signal`);
      act();
    });
  on("SIGINT", () => actions.stop());
  on("SIGTERM", () => actions.terminate());
  // Node's inspector would be started by SIGUSR1 if nobody listened.
  on("SIGUSR1", () => actions.reopenLog());
  on("SIGUSR2", () => actions.lameDuck());
  on("SIGHUP", () => actions.reload());
}
