import { hasWildcard } from "@ganglion/protocol";
import { SequenceList } from "./sequence-list.js";

/** What the index knows of one subject. Two messages cost nothing extra; a third begins a list. */
export class SubjectEntry {
  count = 0;
  /** How many of them are not durable yet. */
  stagedCount = 0;
  firstSequence = 0;
  lastSequence = 0;
  private list: SequenceList | undefined;

  constructor(
    readonly id: number,
    readonly subject: string,
  ) {}

  add(sequence: number): void {
    if (this.count === 0) this.firstSequence = sequence;
    else if (this.count >= 2) this.listed().push(sequence);
    this.lastSequence = sequence;
    this.count++;
  }

  remove(sequence: number): void {
    this.count--;
    if (this.list !== undefined) {
      this.list.remove(sequence);
      this.firstSequence = this.list.first() ?? 0;
      this.lastSequence = this.list.last() ?? 0;
      if (this.count <= 2) this.list = undefined;
    } else if (sequence === this.firstSequence) this.firstSequence = this.lastSequence;
    else this.lastSequence = this.firstSequence;
  }

  /** The lowest sequence of this subject at or after `sequence`. */
  ceil(sequence: number): number | undefined {
    if (this.count === 0 || sequence > this.lastSequence) return undefined;
    if (sequence <= this.firstSequence) return this.firstSequence;
    return this.list === undefined ? this.lastSequence : this.list.ceil(sequence);
  }

  /** The highest sequence of this subject at or before `sequence`. */
  floor(sequence: number): number | undefined {
    if (this.count === 0 || sequence < this.firstSequence) return undefined;
    if (sequence >= this.lastSequence) return this.lastSequence;
    return this.list === undefined ? this.firstSequence : this.list.floor(sequence);
  }

  countFrom(sequence: number): number {
    if (this.count === 0 || sequence <= this.firstSequence) return this.count;
    if (sequence > this.lastSequence) return 0;
    return this.list === undefined ? 1 : this.list.countFrom(sequence);
  }

  /** The list, begun with the two sequences that were enough so far. */
  private listed(): SequenceList {
    if (this.list === undefined) {
      this.list = new SequenceList();
      this.list.push(this.firstSequence);
      this.list.push(this.lastSequence);
    }
    return this.list;
  }
}

/** One token of the subjects' tree. */
class TokenNode {
  children: Map<string, TokenNode> | undefined;
  entry: SubjectEntry | undefined;
}

/** A walk of the tree that is given up once it has cost too much. */
interface WalkBudget {
  nodes: number;
}

/** All subjects of a stream that have messages: by name, by number, and by wildcard filter. */
export class SubjectIndex {
  private readonly byName = new Map<string, SubjectEntry>();
  private readonly byId: (SubjectEntry | undefined)[] = [undefined];
  private readonly freeIds: number[] = [];
  private root = new TokenNode();

  get size(): number {
    return this.byName.size;
  }

  get(subject: string): SubjectEntry | undefined {
    return this.byName.get(subject);
  }

  byNumber(id: number): SubjectEntry | undefined {
    return this.byId[id];
  }

  getOrAdd(subject: string): SubjectEntry {
    const known = this.byName.get(subject);
    if (known !== undefined) return known;
    const id = this.freeIds.pop() ?? this.byId.length;
    const entry = new SubjectEntry(id, subject);
    this.byId[id] = entry;
    this.byName.set(subject, entry);
    this.plant(entry);
    return entry;
  }

  /** Forgets a subject without messages; its number may be given to another one. */
  release(entry: SubjectEntry): void {
    this.byName.delete(entry.subject);
    this.byId[entry.id] = undefined;
    this.freeIds.push(entry.id);
    uproot(this.root, entry.subject.split("."), 0);
  }

  clear(): void {
    this.byName.clear();
    this.byId.length = 1;
    this.freeIds.length = 0;
    this.root = new TokenNode();
  }

  /** The subjects that match `filter`. */
  *matching(filter: string): Generator<SubjectEntry> {
    if (filter === ">") yield* this.byName.values();
    else if (hasWildcard(filter))
      yield* new FilterWalk(filter, { nodes: Number.POSITIVE_INFINITY }).from(this.root);
    else {
      const entry = this.byName.get(filter);
      if (entry !== undefined) yield entry;
    }
  }

  /** The subjects that match one of `filters`, or undefined when finding them takes more than `maxNodes` steps. */
  fewMatching(filters: readonly string[], maxNodes: number): ReadonlySet<SubjectEntry> | undefined {
    const found = new Set<SubjectEntry>();
    const budget = { nodes: maxNodes };
    for (const filter of filters) {
      for (const entry of new FilterWalk(filter, budget).from(this.root)) found.add(entry);
      if (budget.nodes <= 0) return undefined;
    }
    return found;
  }

  private plant(entry: SubjectEntry): void {
    let node = this.root;
    for (const token of entry.subject.split(".")) {
      node.children ??= new Map();
      let child = node.children.get(token);
      if (child === undefined) {
        child = new TokenNode();
        node.children.set(token, child);
      }
      node = child;
    }
    node.entry = entry;
  }
}

/** @returns whether `node` holds nothing any more. */
function uproot(node: TokenNode, tokens: readonly string[], depth: number): boolean {
  const token = tokens[depth];
  if (token === undefined) node.entry = undefined;
  else {
    const child = node.children?.get(token);
    if (child !== undefined && uproot(child, tokens, depth + 1)) node.children?.delete(token);
    if (node.children?.size === 0) node.children = undefined;
  }
  return node.entry === undefined && node.children === undefined;
}

/** A walk through the subjects that match one filter. */
class FilterWalk {
  private readonly tokens: readonly string[];

  constructor(
    filter: string,
    private readonly budget: WalkBudget,
  ) {
    this.tokens = filter.split(".");
  }

  *from(node: TokenNode, depth = 0): Generator<SubjectEntry> {
    if (--this.budget.nodes <= 0) return;
    const token = this.tokens[depth];
    if (token === undefined) {
      if (node.entry !== undefined) yield node.entry;
    } else if (token === ">" && depth === this.tokens.length - 1) {
      for (const child of node.children?.values() ?? []) yield* this.everything(child);
    } else if (token === "*") {
      for (const child of node.children?.values() ?? []) {
        if (this.budget.nodes <= 0) return;
        yield* this.from(child, depth + 1);
      }
    } else {
      const child = node.children?.get(token);
      if (child !== undefined) yield* this.from(child, depth + 1);
    }
  }

  private *everything(node: TokenNode): Generator<SubjectEntry> {
    if (--this.budget.nodes <= 0) return;
    if (node.entry !== undefined) yield node.entry;
    for (const child of node.children?.values() ?? []) {
      if (this.budget.nodes <= 0) return;
      yield* this.everything(child);
    }
  }
}
