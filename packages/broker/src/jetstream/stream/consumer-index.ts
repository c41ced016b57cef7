/** A consumer as the index sees it. */
export interface IndexedConsumer {
  readonly name: string;
  /** False for a consumer without filters, which every message matches. */
  readonly isFiltered: boolean;
  matches(subject: string): boolean;
}

/** How many subjects the index keeps an answer for. */
const MAX_CACHED_SUBJECTS = 8192;

/** The consumers of a stream, by name and by the subjects they take. */
export class ConsumerIndex<C extends IndexedConsumer> {
  private readonly byName = new Map<string, C>();
  private all: readonly C[] = [];
  private anyFiltered = false;
  private readonly bySubject = new Map<string, readonly C[]>();

  get size(): number {
    return this.byName.size;
  }

  /** Every consumer. */
  get consumers(): readonly C[] {
    return this.all;
  }

  get(name: string): C | undefined {
    return this.byName.get(name);
  }

  add(consumer: C): void {
    this.byName.set(consumer.name, consumer);
    this.changed();
  }

  remove(consumer: C): void {
    if (this.byName.get(consumer.name) !== consumer) return;
    this.byName.delete(consumer.name);
    this.changed();
  }

  /** Call it when a consumer's filters change. */
  changed(): void {
    this.all = [...this.byName.values()];
    this.anyFiltered = this.all.some((consumer) => consumer.isFiltered);
    this.bySubject.clear();
  }

  /** The consumers that take messages of `subject`. */
  matching(subject: string): readonly C[] {
    if (!this.anyFiltered) return this.all;
    const known = this.bySubject.get(subject);
    if (known !== undefined) return known;
    const matching = this.all.filter((consumer) => consumer.matches(subject));
    if (this.bySubject.size >= MAX_CACHED_SUBJECTS) this.bySubject.clear();
    this.bySubject.set(subject, matching);
    return matching;
  }
}
