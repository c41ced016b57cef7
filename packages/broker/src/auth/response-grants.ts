import type { Clock } from "@ganglion/kernel";
import type { ResponseRules } from "./permission-rules.js";

/** What is left of the permission to answer one reply subject. */
interface Grant {
  /** Answers that may still be sent. */
  remaining: number;
  expiresAtMs: number;
}

/** Reply subjects a connection can have grants for; beyond it the oldest goes. nats-server has no limit. */
const MAX_GRANTS = 65_536;

/**
 * The replies of requests that were delivered to a connection, and how often it may still answer them.
 *
 * Source: nats-server client.go `responseAllowed`, `pruneReplyPerms`. One thing differs: a reply subject that comes
 * again is granted again, so that many requests may share one inbox.
 */
export class ResponseGrants {
  /** In the order they expire: the time they live is the same for all. */
  private readonly grants = new Map<string, Grant>();

  constructor(
    private readonly rules: ResponseRules,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.grants.size;
  }

  /** Allows answers to `reply`. */
  grant(reply: string): void {
    const nowMs = this.clock.monotonicMs();
    this.prune(nowMs);
    const known = this.grants.get(reply);
    const answers = this.rules.max < 0 ? Number.POSITIVE_INFINITY : this.rules.max;
    // Deleted first, so that it goes to the end.
    this.grants.delete(reply);
    this.grants.set(reply, {
      remaining: (known?.remaining ?? 0) + answers,
      expiresAtMs: nowMs + this.rules.expiresMs,
    });
  }

  /** Uses one answer to `subject`. @returns whether there was one. */
  use(subject: string): boolean {
    const grant = this.grants.get(subject);
    if (grant === undefined) return false;
    const isValid = this.clock.monotonicMs() <= grant.expiresAtMs;
    grant.remaining--;
    if (!isValid || grant.remaining <= 0) this.grants.delete(subject);
    return isValid;
  }

  /** Forgets what has expired, and the oldest one when there is no room for another. */
  private prune(nowMs: number): void {
    for (const [reply, { expiresAtMs }] of this.grants) {
      if (expiresAtMs >= nowMs && this.grants.size < MAX_GRANTS) return;
      this.grants.delete(reply);
    }
  }
}
