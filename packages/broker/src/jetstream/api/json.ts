import { apiFault } from "./api-fault.js";

/**
 * Turns a parsed JSON value into a checked one.
 *
 * @param lenient - pass over fields that are not known. @default refuse them
 * @throws ApiFault `InvalidJSON` for a value of another type.
 */
export type Decoder<T> = (value: unknown, lenient?: boolean) => T;

/**
 * How one field of an object is read. `zero` is its value when it is missing or null; a field whose value
 * says nothing (`isEmpty`) is left out of the result.
 */
export interface Field<T> {
  readonly decode: Decoder<T>;
  readonly zero: T | undefined;
  isEmpty(value: T): boolean;
}

function mismatch(): never {
  throw apiFault("InvalidJSON");
}

export const text: Decoder<string> = (value) => (typeof value === "string" ? value : mismatch());

export const bool: Decoder<boolean> = (value) => (typeof value === "boolean" ? value : mismatch());

/**
 * A whole number of Go's int64 (or, with `min` 0, of uint64). Beyond 2^53 it is cut to that, which is more than
 * any limit here can mean.
 */
export function integer(min = -(2 ** 63), max = 2 ** 64): Decoder<number> {
  return (value) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
      return mismatch();
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER));
  };
}

/** One of some words. */
export function choice<T extends string>(...words: readonly T[]): Decoder<T> {
  return (value) => words.find((word) => word === value) ?? mismatch();
}

export function list<T>(decode: Decoder<T>): Decoder<readonly T[]> {
  return (value, lenient) =>
    Array.isArray(value) ? value.map((entry) => decode(entry, lenient)) : mismatch();
}

export const textMap: Decoder<Readonly<Record<string, string>>> = (value) => {
  if (!isObject(value)) return mismatch();
  const result: Record<string, string> = {};
  for (const [key, entry] of Object.entries(value)) result[key] = entry === null ? "" : text(entry);
  return result;
};

/** A field that is always there; `zero` stands in for a missing one. */
export function always<T>(decode: Decoder<T>, zero: T): Field<T> {
  return { decode, zero, isEmpty: () => false };
}

/** A field that is left out when it is missing or says nothing: "", 0, false, an empty list or map. */
export function optional<T>(decode: Decoder<T>): Field<T> {
  return { decode, zero: undefined, isEmpty };
}

/** A field of words that is left out when it is missing or the word that says nothing. */
export function optionalWord<T extends string>(decode: Decoder<T>, nothing: T): Field<T> {
  return { decode, zero: undefined, isEmpty: (value) => value === nothing };
}

/** A field that is left out when it is missing, but kept when it is an empty object. */
export function optionalObject<T>(decode: Decoder<T>): Field<T> {
  return { decode, zero: undefined, isEmpty: () => false };
}

/**
 * An object with known fields; any other is refused, or passed over where that is asked for.
 *
 * Source: nats-server jetstream_api.go `unmarshalRequest` in its strict mode.
 *
 * @typeParam T - what the fields make up.
 */
export function fields<T extends object>(
  table: { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> },
): Decoder<T> {
  const entries = Object.entries(table) as [string, Field<unknown>][];
  return (value, lenient = false) => {
    if (!isObject(value)) return mismatch();
    for (const name of Object.keys(value)) {
      if (!lenient && !Object.hasOwn(table, name))
        throw apiFault("InvalidJSON", { err: `json: unknown field "${name}"` });
    }
    const result: Record<string, unknown> = {};
    for (const [name, field] of entries) {
      const given = value[name];
      const decoded = given === undefined || given === null ? field.zero : field.decode(given, lenient);
      if (decoded !== undefined && !field.isEmpty(decoded)) result[name] = decoded;
    }
    return result as T; // every field of the table was decoded by its own decoder
  };
}

/** The same, but fields that are not known are passed over. */
export function openFields<T extends object>(
  table: { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> },
): Decoder<T> {
  const decode = fields<T>(table);
  return (value) => decode(value, true);
}

/** Reads JSON text. @throws ApiFault `InvalidJSON` when it is no JSON or has fields of other types. */
export function decodeJson<T>(json: string, decode: Decoder<T>, lenient = false): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return mismatch();
  }
  return decode(value, lenient);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  if (value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
