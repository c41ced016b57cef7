/** One token's place in the trie. */
class TrieNode<T> {
  children: Map<string, TrieNode<T>> | undefined;
  /** Below the token `*`. */
  single: TrieNode<T> | undefined;
  /** Values of filters that end here. */
  values: Set<T> | undefined;
  /** Values of filters that end here with `>`. */
  tail: Set<T> | undefined;

  get isEmpty(): boolean {
    return !this.values && !this.tail && !this.single && !this.children;
  }
}

/**
 * Values by subject filter. A filter may hold many values, each once.
 * Filters must be valid; subjects to match must be literal.
 */
export class SubjectTrie<T> {
  private readonly root = new TrieNode<T>();
  private count = 0;

  /** How many values there are. */
  get size(): number {
    return this.count;
  }

  insert(filter: string, value: T): void {
    let node = this.root;
    const tokens = filter.split(".");
    const isTail = tokens.at(-1) === ">";
    if (isTail) tokens.pop();
    for (const token of tokens) node = childOf(node, token);
    let values = isTail ? node.tail : node.values;
    if (values === undefined) {
      values = new Set();
      if (isTail) node.tail = values;
      else node.values = values;
    }
    if (values.has(value)) return;
    values.add(value);
    this.count++;
  }

  /** Removes a value. @returns false when it is not there. */
  remove(filter: string, value: T): boolean {
    const tokens = filter.split(".");
    const isTail = tokens.at(-1) === ">";
    if (isTail) tokens.pop();
    const path: TrieNode<T>[] = [this.root];
    for (const token of tokens) {
      const parent = path.at(-1) as TrieNode<T>; // the path is never empty
      const node = token === "*" ? parent.single : parent.children?.get(token);
      if (node === undefined) return false;
      path.push(node);
    }
    const node = path.at(-1) as TrieNode<T>;
    const values = isTail ? node.tail : node.values;
    if (values?.delete(value) !== true) return false;
    if (values.size === 0 && isTail) node.tail = undefined;
    else if (values.size === 0) node.values = undefined;
    this.count--;
    prune(path, tokens);
    return true;
  }

  /** Appends to `found` every value whose filter matches `subject`. */
  match(subject: string, found: T[]): void {
    matchBelow(this.root, subject, 0, found);
  }

  /** Appends to `found` every value in the trie. */
  all(found: T[]): void {
    collect(this.root, found);
  }
}

function childOf<T>(node: TrieNode<T>, token: string): TrieNode<T> {
  if (token === "*") {
    node.single ??= new TrieNode();
    return node.single;
  }
  node.children ??= new Map();
  let child = node.children.get(token);
  if (child === undefined) {
    child = new TrieNode();
    node.children.set(token, child);
  }
  return child;
}

/** Takes empty nodes out, from the leaf upwards. */
function prune<T>(path: readonly TrieNode<T>[], tokens: readonly string[]): void {
  for (let depth = tokens.length; depth > 0; depth--) {
    const node = path[depth] as TrieNode<T>; // path is one longer than tokens
    const parent = path[depth - 1] as TrieNode<T>;
    const token = tokens[depth - 1] as string;
    if (!node.isEmpty) return;
    if (token === "*") parent.single = undefined;
    else if (parent.children !== undefined) {
      parent.children.delete(token);
      if (parent.children.size === 0) parent.children = undefined;
    }
  }
}

function append<T>(found: T[], values: ReadonlySet<T> | undefined): void {
  if (values === undefined) return;
  for (const value of values) found.push(value);
}

// biome-ignore lint/complexity/useMaxParams: the recursion would otherwise allocate an object per token
function matchBelow<T>(node: TrieNode<T>, subject: string, from: number, found: T[]): void {
  append(found, node.tail);
  const dot = subject.indexOf(".", from);
  const isLast = dot === -1;
  const child = node.children?.get(isLast ? subject.slice(from) : subject.slice(from, dot));
  if (isLast) {
    append(found, child?.values);
    append(found, node.single?.values);
    return;
  }
  if (child !== undefined) matchBelow(child, subject, dot + 1, found);
  if (node.single !== undefined) matchBelow(node.single, subject, dot + 1, found);
}

function collect<T>(node: TrieNode<T>, found: T[]): void {
  append(found, node.values);
  append(found, node.tail);
  if (node.single !== undefined) collect(node.single, found);
  for (const child of node.children?.values() ?? []) collect(child, found);
}
