/** What the signals of the command do. */
export interface SignalActions {
  /** SIGINT, SIGTERM. */
  stop(): void;
  /** SIGUSR1. */
  reopenLog(): void;
}

/** Connects the process's signals. Source: nats-server signal.go. */
export function handleSignals(actions: SignalActions): void {
  process.on("SIGINT", () => actions.stop());
  process.on("SIGTERM", () => actions.stop());
  // Node's inspector would be started by SIGUSR1 if nobody listened.
  process.on("SIGUSR1", () => actions.reopenLog());
  // Until configuration can be reloaded, the signal must at least not end the process.
  process.on("SIGHUP", () => {});
}
