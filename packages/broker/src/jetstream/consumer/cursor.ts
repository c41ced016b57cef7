import { subjectMatches } from "@ganglion/protocol";
import type { MessageStore, StoredMessage } from "@ganglion/store";
import type { StartPosition } from "./deliver-policy.js";

/**
 * Where a consumer is in its stream, and how many matching messages lie ahead.
 *
 * Only durable messages are given out; those behind the sync policy are ahead, but not there yet.
 */
export class Cursor {
  /** Stream sequence of the next message to look at, behind the skip list. */
  private next: number;
  private skipList: readonly number[];
  private skipIndex = 0;
  /** The message {@link peek} did not give out, since it is not durable yet. */
  blockedBy: number | undefined;
  private ahead = 0;
  private filters: readonly string[] | undefined;

  constructor(
    private readonly messages: MessageStore,
    start: StartPosition,
    filters: readonly string[],
  ) {
    this.next = start.sequence;
    this.skipList = start.skipList;
    this.filters = filters.length === 0 ? undefined : filters;
    this.recount();
  }

  get isFiltered(): boolean {
    return this.filters !== undefined;
  }

  /** Stream sequence below which nothing is left to deliver for the first time. */
  get sequence(): number {
    return this.skipList[this.skipIndex] ?? this.next;
  }

  /** Matching messages that were not delivered yet. */
  get pendingCount(): number {
    return this.ahead;
  }

  /** The next message to deliver for the first time, if it is durable. */
  peek(): StoredMessage | undefined {
    for (; this.skipIndex < this.skipList.length; this.skipIndex++) {
      const message = this.messages.read(this.skipList[this.skipIndex] ?? 0);
      if (message !== undefined) return this.whenDurable(message);
    }
    if (this.skipList.length > 0) this.endSkipList();
    const message = this.messages.next(this.next, this.filters);
    if (message === undefined) {
      this.next = Math.max(this.next, this.messages.state().lastSequence + 1);
      this.ahead = 0;
      this.blockedBy = undefined;
      return undefined;
    }
    return this.whenDurable(message);
  }

  private whenDurable(message: StoredMessage): StoredMessage | undefined {
    const isDurable = message.sequence <= this.messages.durableSequence;
    this.blockedBy = isDurable ? undefined : message.sequence;
    return isDurable ? message : undefined;
  }

  /** Goes past `message`, which {@link peek} gave. */
  advance(message: StoredMessage): void {
    if (this.skipIndex < this.skipList.length) this.skipIndex++;
    else this.next = message.sequence + 1;
    if (this.ahead > 0) this.ahead--;
  }

  /** Goes past the message that {@link peek} could not read. */
  passOver(): void {
    if (this.skipIndex < this.skipList.length) this.skipIndex++;
    else this.next++;
  }

  matches(subject: string): boolean {
    if (this.filters === undefined) return true;
    for (const filter of this.filters) if (subjectMatches(filter, subject)) return true;
    return false;
  }

  /** Whether a message that matches lies ahead. */
  isAhead(sequence: number): boolean {
    if (sequence >= this.next) return true;
    let low = this.skipIndex;
    let high = this.skipList.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.skipList[middle] ?? 0;
      if (found === sequence) return true;
      if (found < sequence) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }

  /** Counts a matching message that was appended. */
  appended(): void {
    this.ahead++;
  }

  /** Counts a matching message that left the stream. */
  removed(sequence: number): void {
    if (this.ahead > 0 && this.isAhead(sequence)) this.ahead--;
  }

  /** Goes on at `sequence` when it lies ahead. */
  skipTo(sequence: number): void {
    while (this.skipIndex < this.skipList.length && (this.skipList[this.skipIndex] ?? 0) < sequence)
      this.skipIndex++;
    this.next = Math.max(this.next, sequence);
  }

  /** Goes on at `sequence`, wherever it was. */
  reset(sequence: number): void {
    this.endSkipList();
    this.next = sequence;
    this.blockedBy = undefined;
    this.recount();
  }

  /** Takes new filters. */
  setFilters(filters: readonly string[]): void {
    this.filters = filters.length === 0 ? undefined : filters;
    this.recount();
  }

  /** Counts anew what lies ahead, as after a purge. */
  recount(): void {
    this.ahead = this.skipList.length - this.skipIndex + this.messages.count(this.next, this.filters);
  }

  private endSkipList(): void {
    this.skipList = [];
    this.skipIndex = 0;
  }
}
