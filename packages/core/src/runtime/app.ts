/**
 * A running Ganglion application. Packages above core add properties to this interface, see
 * `registerAppExtension` in `@ganglion/core/internal`.
 */
export interface App extends AsyncDisposable {
  /** Connects, creates what is missing and takes work. */
  start(): Promise<void>;
  /** Stops in order, within its budget. Idempotent. */
  stop(): Promise<void>;
}
