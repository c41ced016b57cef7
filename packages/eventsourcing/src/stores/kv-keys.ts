import { eventSourcingError } from "../errors.js";

/** Longest row key as it stands in a subject, in characters. */
const MAX_KEY_LENGTH = 300;
const PLAIN = /^[A-Za-z0-9_-]+$/;

/** The bucket of a projection. */
export function bucketOf(projection: string): string {
  return `projection-${projection}`;
}

/** The stream of a bucket. Source: ADR-8 (JetStream based Key-Value Stores). */
export function bucketStream(projection: string): string {
  return `KV_${bucketOf(projection)}`;
}

/** Subject of the state: which generation is active and which is being built. */
export function stateSubject(projection: string): string {
  return `$KV.${bucketOf(projection)}.state`;
}

/** Subject of a generation's last commit. */
export function commitSubject(projection: string, generation: string): string {
  return `$KV.${bucketOf(projection)}.commit.${generation}`;
}

/** Filter for the rows of a generation. */
export function rowFilter(projection: string, generation: string): string {
  return `$KV.${bucketOf(projection)}.row.${generation}.>`;
}

export function rowSubject(projection: string, generation: string, key: string): string {
  return `$KV.${bucketOf(projection)}.row.${generation}.${encodeKey(key)}`;
}

/** The row key in the last token of a row's subject. */
export function keyOf(subject: string): string {
  const token = subject.slice(subject.lastIndexOf(".") + 1);
  return token.includes("=") ? decodeURIComponent(token.replaceAll("=", "%")) : token;
}

/**
 * Letters, digits, `-` and `_` stay; everything else becomes `=XX`, which the keys of NATS buckets allow.
 *
 * @throws GanglionError `PROJECTION_INVALID_KEY`
 */
export function encodeKey(key: string): string {
  if (PLAIN.test(key) && key.length <= MAX_KEY_LENGTH) return key;
  const token = typeof key === "string" && !/\p{Surrogate}/u.test(key) ? escapeKey(key) : "";
  if (token.length === 0 || token.length > MAX_KEY_LENGTH) {
    throw eventSourcingError(
      "PROJECTION_INVALID_KEY",
      `Row key ${JSON.stringify(key)} must have 1 to ${MAX_KEY_LENGTH} characters, encoded ones counting three`,
      { details: { key } },
    );
  }
  return token;
}

function escapeKey(key: string): string {
  return encodeURIComponent(key)
    .replace(/[.*!~'()]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%", "=");
}
