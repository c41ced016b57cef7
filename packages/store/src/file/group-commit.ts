import type { Clock, Logger, Timer } from "@ganglion/kernel";
import { storeError } from "../errors.js";
import type { SyncPolicy } from "../storage.js";

/** First and longest wait before writing is tried again after a failure. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** A group of writes that was taken from a log. */
export interface TakenGroup {
  /** Writes the group. With `sync`, it is on the disk when this resolves. */
  write(sync: boolean): Promise<void>;
  /** The group satisfies the sync policy. */
  committed(): void;
}

/** A log whose writes are committed together with those of other logs of the stream. */
export interface CommittedLog {
  /** How many groups at most it takes to commit what is staged. */
  readonly stagedGroups: number;
  /** Hands over the oldest group of what is staged. */
  take(): TakenGroup | undefined;
  /** Makes everything written so far durable. */
  sync(): Promise<void>;
  /** Takes back at once what is not durable, then gives up the file it went to. */
  abandon(error: unknown): Promise<void>;
  /** Begins a new file. Rejects when writing still fails. */
  resume(): Promise<void>;
}

/** What a {@link GroupCommit} works with. */
export interface GroupCommitOptions {
  readonly logs: readonly CommittedLog[];
  readonly policy: SyncPolicy;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Waiter {
  readonly ticket: number;
  readonly done: () => void;
  /** Absent for those who wait over a failure. */
  readonly failed?: (error: unknown) => void;
}

/**
 * Commits the logs of one stream: while one group is written and synced, the next is staged, so that one
 * sync serves everybody who came meanwhile. After a failure nothing is taken in until a new file could be
 * begun.
 */
export class GroupCommit {
  /** Every group has a number; this one and all before are durable. */
  private durableTicket = 0;
  private takenTicket = 0;
  private state: "idle" | "running" | "unavailable" | "closed" = "idle";
  private waiters: Waiter[] = [];
  private lastError: unknown;
  private retryMs = FIRST_RETRY_MS;
  private retryTimer: Timer | undefined;
  private syncTimer: Timer | undefined;
  private syncDue = false;
  private running: Promise<void> = Promise.resolve();
  /** Begins the commit that was requested; undefined once it runs. */
  private begin: (() => void) | undefined;

  constructor(private readonly options: GroupCommitOptions) {}

  /** Number of the next group. */
  get stagedTicket(): number {
    return this.takenTicket + 1;
  }

  /** @throws GanglionError `STORE_UNAVAILABLE`. */
  assertAvailable(): void {
    if (this.state === "unavailable") throw this.unavailable();
  }

  /** Why nothing is taken in at present; undefined when it is. */
  get failure(): string | undefined {
    return this.state === "unavailable" ? String(this.lastError) : undefined;
  }

  /** Starts a commit, unless one runs: that one goes on with what is staged. */
  request(): void {
    if (this.state !== "idle") return;
    this.state = "running";
    // Not at once: everything else that arrives in this turn of the event loop joins the group.
    this.running = new Promise((resolve) => {
      const begin = () => {
        if (this.begin !== begin) return;
        this.begin = undefined;
        void this.run().then(resolve);
      };
      this.begin = begin;
      setImmediate(begin);
    });
  }

  /** Starts the requested commit at once: the disk works while the rest of this turn is taken in. */
  hurry(): void {
    this.begin?.();
  }

  /** Calls `callback` when the group `ticket` is durable, at once if it is. A failure only delays it. */
  whenDurable(ticket: number, callback: () => void): void {
    if (ticket <= this.durableTicket) callback();
    else this.waiters.push({ ticket, done: callback });
  }

  /** Resolves when everything staged so far is durable. @throws GanglionError `STORE_UNAVAILABLE`. */
  async flush(): Promise<void> {
    this.assertAvailable();
    const ticket = this.takenTicket + this.stagedGroups();
    if (ticket <= this.durableTicket) return;
    const done = new Promise<void>((resolve, reject) => {
      this.waiters.push({ ticket, done: resolve, failed: reject });
    });
    this.request();
    await done;
  }

  /** Commits what is staged and makes it durable, whatever the policy. Does not reject. Idempotent. */
  async close(): Promise<void> {
    if (this.state === "closed") return;
    await this.flush().catch(() => {}); // the listener was told
    this.retryTimer?.cancel();
    this.syncTimer?.cancel();
    await this.running;
    const wasAvailable = this.state !== "unavailable";
    this.state = "closed";
    if (!wasAvailable) return;
    for (const log of this.options.logs) {
      await log
        .sync()
        .catch((error: unknown) => this.options.logger.error("Sync on close failed", { error }));
    }
  }

  private stagedGroups(): number {
    return Math.max(...this.options.logs.map((log) => log.stagedGroups));
  }

  private async run(): Promise<void> {
    try {
      while (this.stagedGroups() > 0 || this.syncDue) await this.commit();
      // Nothing is left: also those who reckoned with more groups than it took have what they wait for.
      this.takenTicket = Math.max(this.takenTicket, ...this.waiters.map(({ ticket }) => ticket));
      this.durableTicket = this.takenTicket;
      this.settle();
      this.state = "idle";
      if (this.stagedGroups() > 0) this.request(); // staged by one of them
    } catch (error) {
      await this.fail(error);
    }
  }

  private async commit(): Promise<void> {
    const groups = this.options.logs.map((log) => log.take()).filter((group) => group !== undefined);
    const ticket = ++this.takenTicket;
    await allDone(groups.map((group) => group.write(this.options.policy.kind === "always")));
    if (this.syncDue) {
      this.syncDue = false;
      await allDone(this.options.logs.map((log) => log.sync()));
    } else if (groups.length > 0) this.scheduleSync();
    this.durableTicket = ticket;
    for (const group of groups) group.committed();
    this.settle();
  }

  private settle(): void {
    const due = this.waiters.filter(({ ticket }) => ticket <= this.durableTicket);
    if (due.length === 0) return;
    this.waiters = this.waiters.filter(({ ticket }) => ticket > this.durableTicket);
    for (const waiter of due) waiter.done();
  }

  private scheduleSync(): void {
    const { policy, clock } = this.options;
    if (policy.kind !== "interval" || this.syncTimer !== undefined) return;
    this.syncTimer = clock.schedule(policy.intervalMs, () => {
      this.syncTimer = undefined;
      this.syncDue = true;
      this.request();
    });
  }

  private async fail(error: unknown): Promise<void> {
    this.state = "unavailable";
    this.lastError = error;
    this.syncDue = false;
    this.options.logger.error("Writing failed; the stream takes nothing in until it works again", { error });
    const abandoned = this.options.logs.map((log) => log.abandon(error));
    const refused = this.waiters.filter(({ failed }) => failed !== undefined);
    this.waiters = this.waiters.filter(({ failed }) => failed === undefined);
    for (const waiter of refused) waiter.failed?.(this.unavailable());
    await allDone(abandoned).catch(() => {}); // closing a file that failed may fail
    this.retryLater();
  }

  private retryLater(): void {
    this.retryTimer = this.options.clock.schedule(this.retryMs, () => {
      this.running = this.retry();
    });
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
  }

  private async retry(): Promise<void> {
    const ticket = ++this.takenTicket; // what comes after this moment belongs to the next group
    try {
      await allDone(this.options.logs.map((log) => log.resume()));
    } catch (error) {
      this.lastError = error;
      await allDone(this.options.logs.map((log) => log.abandon(error))).catch(() => {}); // as above
      if (this.state === "unavailable") this.retryLater();
      return;
    }
    if (this.state !== "unavailable") return;
    this.options.logger.info("Writing works again");
    this.retryMs = FIRST_RETRY_MS;
    this.state = "idle";
    this.durableTicket = ticket;
    this.settle();
    if (this.stagedGroups() > 0) this.request();
  }

  private unavailable(): Error {
    return storeError("STORE_UNAVAILABLE", `The stream's log cannot be written: ${String(this.lastError)}`, {
      cause: this.lastError,
    });
  }
}

/** Waits for all, then rejects with the first error: nothing may go on behind the caller's back. */
async function allDone(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === "rejected") throw result.reason;
  }
}
