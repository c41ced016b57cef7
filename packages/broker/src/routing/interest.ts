import { hasWildcard, subjectMatches } from "@ganglion/protocol";
import type { InterestWatch } from "../jetstream/account-bus.js";

/** What is watched, and who is told. */
export interface WatchRequest {
  /** Literal. */
  readonly subject: string;
  /** Only members of this queue group count. */
  readonly queue: string | undefined;
  changed(active: boolean): void;
}

class Watch implements InterestWatch {
  active: boolean;

  constructor(
    readonly request: WatchRequest,
    private readonly watches: InterestWatches,
  ) {
    this.active = watches.probe(request.subject, request.queue);
  }

  stop(): void {
    this.watches.drop(this);
  }
}

/** Tells who wants to know when the interest in a subject comes and goes. */
export class InterestWatches {
  private readonly bySubject = new Map<string, Set<Watch>>();

  /** @param probe - whether a subscription (with a queue: of that group) matches a literal subject now. */
  constructor(readonly probe: (subject: string, queue: string | undefined) => boolean) {}

  watch(request: WatchRequest): InterestWatch {
    const watch = new Watch(request, this);
    const watches = this.bySubject.get(request.subject);
    if (watches === undefined) this.bySubject.set(request.subject, new Set([watch]));
    else watches.add(watch);
    return watch;
  }

  drop(watch: Watch): void {
    const { subject } = watch.request;
    const watches = this.bySubject.get(subject);
    watches?.delete(watch);
    if (watches?.size === 0) this.bySubject.delete(subject);
  }

  /** To be called after a subscription to `filter` came or went. */
  update(filter: string): void {
    if (this.bySubject.size === 0) return;
    if (!hasWildcard(filter)) {
      this.check(this.bySubject.get(filter));
      return;
    }
    for (const [subject, watches] of [...this.bySubject]) {
      if (subjectMatches(filter, subject)) this.check(watches);
    }
  }

  private check(watches: ReadonlySet<Watch> | undefined): void {
    for (const watch of [...(watches ?? [])]) {
      const active = this.probe(watch.request.subject, watch.request.queue);
      if (active === watch.active || !watches?.has(watch)) continue;
      watch.active = active;
      watch.request.changed(active);
    }
  }
}
