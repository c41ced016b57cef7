import { sagaError } from "./errors.js";

/** The last entry of every saga: `saga.<class>.<id>`. */
export const JOURNAL_STREAM = "SAGA-JOURNAL";
/** What makes sagas move: `trg.<class>.<kind>.<id>`, `tmr.<class>.due.<id>` and `tmr.<class>.sweep`. */
export const TRIGGER_STREAM = "SAGA-TRIGGERS";

/** Subjects of the two streams. */
export const JOURNAL_SUBJECTS = ["saga.*.*"] as const;
export const TRIGGER_SUBJECTS = ["trg.*.*.*", "tmr.>"] as const;

/** Header of a journal entry with its status, so that a scan need not read payloads. */
export const STATUS_HEADER = "Saga-Status";
/** Header with the time a suspended saga or a timer goes on, in milliseconds since 1970. */
export const DUE_HEADER = "Saga-Due";

/** Longest id as it stands in a subject, in characters. */
const MAX_TOKEN_LENGTH = 200;

/**
 * A saga id as one token of a subject: letters, digits, `-`, `_` stay, everything else is percent-encoded.
 *
 * @throws GanglionError `SAGA_INVALID_ID`
 */
export function tokenOf(id: string): string {
  if (PLAIN.test(id) && id.length <= MAX_TOKEN_LENGTH) return id;
  const token = typeof id === "string" && !LONE_SURROGATE.test(id) ? encode(id) : "";
  if (token.length === 0 || token.length > MAX_TOKEN_LENGTH) {
    throw sagaError(
      "SAGA_INVALID_ID",
      `Saga id ${JSON.stringify(id)} must have 1 to ${MAX_TOKEN_LENGTH} characters, percent-encoded ones counting three`,
      { details: { id } },
    );
  }
  return token;
}

/** The saga id in the last token of a subject. */
export function idOf(subject: string): string {
  const token = subject.slice(subject.lastIndexOf(".") + 1);
  return token.includes("%") ? decodeURIComponent(token) : token;
}

export function journalSubject(saga: string, id: string): string {
  return `saga.${saga}.${tokenOf(id)}`;
}

/** What a trigger's subject says about it. */
export type TriggerSubjectKind = "start" | "signal" | "operator" | "wake";

export function triggerSubject(saga: string, kind: TriggerSubjectKind, id: string): string {
  return `trg.${saga}.${kind}.${tokenOf(id)}`;
}

export function timerSubject(saga: string, id: string): string {
  return `tmr.${saga}.due.${tokenOf(id)}`;
}

/** The one message whose holder sweeps. */
export function sweepSubject(saga: string): string {
  return `tmr.${saga}.sweep`;
}

/** Told to whoever listens when a saga has ended; not stored. */
export function endedSubject(saga: string, id: string): string {
  return `saga-ended.${saga}.${tokenOf(id)}`;
}

export function triggerConsumer(saga: string): string {
  return `saga-${saga}`;
}

export function timerConsumer(saga: string): string {
  return `saga-${saga}-timers`;
}

const PLAIN = /^[A-Za-z0-9_-]+$/;
/** Half a character: UTF-8 has no form for it. */
const LONE_SURROGATE = /\p{Surrogate}/u;

function encode(id: string): string {
  return encodeURIComponent(id).replace(
    /[.*!~'()]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
