import { protocolError } from "./errors.js";

declare const subjectBrand: unique symbol;

/**
 * A literal subject that has been checked: non-empty tokens, no whitespace, no wildcard token.
 *
 * Source: nats-server sublist.go `IsValidSubject`, `IsValidLiteralSubject`.
 */
export type Subject = string & { readonly [subjectBrand]: "literal" };

/** A subject that may hold the wildcard tokens `*` (one token) and, last, `>` (one or more tokens). */
export type SubjectFilter = (string & { readonly [subjectBrand]: "filter" }) | Subject;

const DOT = 0x2e;
const STAR = 0x2a;
const GREATER = 0x3e;

function isWhitespace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d && code !== 0x0b);
}

/** Whether `text` is a subject to subscribe to. Wildcard characters inside longer tokens are literal. */
export function isValidFilter(text: string): text is SubjectFilter {
  let tokenStart = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (isWhitespace(code)) return false;
    if (code !== DOT) continue;
    if (i === tokenStart) return false;
    const isTail = i - tokenStart === 1 && text.charCodeAt(tokenStart) === GREATER;
    if (isTail && i !== text.length) return false;
    tokenStart = i + 1;
  }
  return true;
}

/** Whether `text` holds a wildcard token. It need not be valid otherwise. */
export function hasWildcard(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== STAR && code !== GREATER) continue;
    const starts = i === 0 || text.charCodeAt(i - 1) === DOT;
    if (starts && (i + 1 === text.length || text.charCodeAt(i + 1) === DOT)) return true;
  }
  return false;
}

/** Whether `text` is a subject to publish to. */
export function isValidSubject(text: string): text is Subject {
  return isValidFilter(text) && !hasWildcard(text);
}

/** Checks a literal subject. @throws GanglionError `INVALID_SUBJECT`. */
export function subject(text: string): Subject {
  if (isValidSubject(text)) return text;
  throw protocolError(
    "INVALID_SUBJECT",
    `Invalid subject ${JSON.stringify(text)}: use non-empty tokens separated by ".", without whitespace or wildcards`,
    { details: { subject: text } },
  );
}

/** Checks a subject filter. @throws GanglionError `INVALID_SUBJECT`. */
export function subjectFilter(text: string): SubjectFilter {
  if (isValidFilter(text)) return text;
  throw protocolError(
    "INVALID_SUBJECT",
    `Invalid subject filter ${JSON.stringify(text)}: use non-empty tokens separated by ".", without whitespace; ">" may only be the last token`,
    { details: { subject: text } },
  );
}

/**
 * Whether bytes on the wire are a literal subject for a pedantic client: tokens not empty and no wildcard.
 *
 * Source: nats-server sublist.go `isValidLiteralSubject`.
 */
export function isLiteralSubjectBytes(bytes: Uint8Array, start: number, end: number): boolean {
  let tokenStart = start;
  for (let i = start; i <= end; i++) {
    if (i !== end && bytes[i] !== DOT) continue;
    const sizeBytes = i - tokenStart;
    if (sizeBytes === 0) return false;
    if (sizeBytes === 1 && (bytes[tokenStart] === STAR || bytes[tokenStart] === GREATER)) return false;
    tokenStart = i + 1;
  }
  return true;
}
