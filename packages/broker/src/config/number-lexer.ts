import type { Scalar } from "./lexer.js";

/** A number, date or address at the start of a text, or why it is none. */
export type NumberReading = { readonly scalar: Scalar; readonly end: number } | { readonly problem: string };

const DATE = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/y;
const DATE_START = /\d+-/y;
/** Also a version such as 2.9.10: it looks like a float up to its second dot. */
const ADDRESS = /-?\d+\.\d+\.[\d.:-]*/y;
const FLOAT = /-?\d+\.\d+/y;
const FLOAT_START = /-?\d+\./y;
const INTEGER = /(-?\d+)(?:([kmgtpe])([bi]*))?/iy;
const ENDS_NUMBER = /^[\n\r,;}\] \t]?$/;

/** Exponent of 1000 or 1024. */
const SUFFIXES = "kmgtpe";
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/**
 * Reads what starts with a digit or a minus sign at `start`.
 *
 * Source: nats-server conf/lex.go `lexNumberOrDateOrStringOrIP` and conf/parse.go for the suffixes.
 *
 * @returns undefined when it is a string after all, such as `10s`.
 */
export function readNumber(text: string, start: number): NumberReading | undefined {
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = start;
    return pattern.exec(text);
  };
  if (match(DATE_START) !== null) return readDate(match(DATE)?.[0], start);
  const address = match(ADDRESS)?.[0];
  if (address !== undefined)
    return { scalar: { kind: "string", value: address }, end: start + address.length };
  const float = match(FLOAT)?.[0];
  if (float !== undefined) {
    return { scalar: { kind: "float", value: Number(float) }, end: start + float.length };
  }
  if (match(FLOAT_START) !== null) return { problem: "a float has a digit after its dot" };
  const integer = match(INTEGER);
  if (integer === null) return { problem: 'expected a digit after "-"; quote a string that starts with "-"' };
  const [whole, digits = "", prefix, unit = ""] = integer;
  const end = start + whole.length;
  if (ENDS_NUMBER.test(text[end] ?? "")) return readInteger({ whole, digits, prefix, unit }, end);
  const isString = prefix !== undefined || !whole.startsWith("-");
  return isString ? undefined : { problem: 'quote a string that starts with "-"' };
}

function readDate(date: string | undefined, start: number): NumberReading {
  const value = new Date(date ?? "");
  // Date moves the 31st of a shorter month into the next one.
  if (
    date === undefined ||
    Number.isNaN(value.getTime()) ||
    !value.toISOString().startsWith(date.slice(0, 19))
  ) {
    return { problem: "a date is written YYYY-MM-DDThh:mm:ssZ; quote a string that starts like one" };
  }
  return { scalar: { kind: "date", value }, end: start + date.length };
}

interface IntegerParts {
  readonly whole: string;
  readonly digits: string;
  readonly prefix: string | undefined;
  /** "b", "i" or "ib" after the prefix: powers of 1024. */
  readonly unit: string;
}

function readInteger({ whole, digits, prefix, unit }: IntegerParts, end: number): NumberReading {
  const exponent = SUFFIXES.indexOf((prefix ?? "").toLowerCase()) + 1;
  if (!["", "b", "i", "ib"].includes(unit.toLowerCase())) {
    return {
      problem: `unknown size suffix in "${whole}"; allowed are k, kb, ki, kib and the same with m, g, t, p, e`,
    };
  }
  const factor = prefix === undefined ? 1n : (unit === "" ? 1000n : 1024n) ** BigInt(exponent);
  const value = BigInt(digits) * factor;
  if (value > MAX_INT64 || value < MIN_INT64) return { problem: `${whole} does not fit in 64 bits` };
  return { scalar: { kind: "integer", value: Number(value) }, end };
}
