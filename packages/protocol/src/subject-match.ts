const DOT = 0x2e;
const STAR = 0x2a;
const GREATER = 0x3e;

/** End of the token that starts at `start`: the index of its dot, or the length. */
function tokenEnd(text: string, start: number): number {
  const dot = text.indexOf(".", start);
  return dot === -1 ? text.length : dot;
}

/** Whether the token that starts at `start` is this one character. */
function isToken(text: string, start: number, code: number): boolean {
  if (text.charCodeAt(start) !== code) return false;
  return start + 1 === text.length || text.charCodeAt(start + 1) === DOT;
}

/**
 * Whether the literal `subject` matches `filter`. Allocates nothing.
 *
 * Both are expected to be valid; a wildcard in `subject` is compared as a literal token.
 */
export function subjectMatches(filter: string, subject: string): boolean {
  let i = 0;
  let j = 0;
  while (i < filter.length && j < subject.length) {
    const code = filter.charCodeAt(i);
    const atTokenStart = i === 0 || filter.charCodeAt(i - 1) === DOT;
    const isSingle = atTokenStart && (i + 1 === filter.length || filter.charCodeAt(i + 1) === DOT);
    if (isSingle && code === GREATER) return true;
    if (isSingle && code === STAR) {
      if (subject.charCodeAt(j) === DOT) return false;
      i++;
      j = tokenEnd(subject, j);
    } else {
      if (code !== subject.charCodeAt(j)) return false;
      i++;
      j++;
    }
  }
  return i === filter.length && j === subject.length;
}

/**
 * Whether every subject that `narrow` matches is matched by `wide` too.
 *
 * Source: nats-server sublist.go `subjectIsSubsetMatch`.
 */
export function isSubsetFilter(narrow: string, wide: string): boolean {
  let n = 0;
  let w = 0;
  while (w <= wide.length && n <= narrow.length) {
    const wEnd = tokenEnd(wide, w);
    const nEnd = tokenEnd(narrow, n);
    if (isToken(wide, w, GREATER)) return nEnd > n;
    if (isToken(narrow, n, GREATER)) return false;
    if (!isToken(wide, w, STAR)) {
      if (narrow.slice(n, nEnd) !== wide.slice(w, wEnd)) return false;
    }
    w = wEnd + 1;
    n = nEnd + 1;
  }
  return w > wide.length && n > narrow.length;
}

/**
 * Whether some subject is matched by both filters.
 *
 * Source: nats-server sublist.go `SubjectsCollide`.
 */
export function filtersOverlap(a: string, b: string): boolean {
  let i = 0;
  let j = 0;
  while (i <= a.length && j <= b.length) {
    const iEnd = tokenEnd(a, i);
    const jEnd = tokenEnd(b, j);
    if (isToken(a, i, GREATER) || isToken(b, j, GREATER)) return true;
    if (!isToken(a, i, STAR) && !isToken(b, j, STAR)) {
      if (a.slice(i, iEnd) !== b.slice(j, jEnd)) return false;
    }
    i = iEnd + 1;
    j = jEnd + 1;
  }
  return i > a.length && j > b.length;
}
