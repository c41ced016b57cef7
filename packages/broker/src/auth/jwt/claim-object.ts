import { brokerError } from "../../errors.js";

/** A JSON object. */
type Fields = Readonly<Record<string, unknown>>;

/** A type of fields. */
interface FieldType<T> {
  /** For errors: "a string". */
  readonly name: string;
  /** @returns undefined when the value has another type. */
  decode(value: unknown): T | undefined;
}

const STRING: FieldType<string> = {
  name: "a string",
  decode: (value) => (typeof value === "string" ? value : undefined),
};
const BOOLEAN: FieldType<boolean> = {
  name: "a boolean",
  decode: (value) => (typeof value === "boolean" ? value : undefined),
};
const INTEGER: FieldType<number> = {
  name: "an integer",
  decode: (value) => (typeof value === "number" && Number.isInteger(value) ? value : undefined),
};
const LIST: FieldType<readonly unknown[]> = {
  name: "a list",
  decode: (value) => (Array.isArray(value) ? value : undefined),
};
const STRINGS: FieldType<readonly string[]> = {
  name: "a list of strings",
  decode: (value) =>
    Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined,
};

/**
 * One JSON object of a JWT. What is absent or null reads as its zero value, as Go reads it.
 *
 * Every reading method throws GanglionError `INVALID_JWT` for a value of another type, naming its place.
 */
export class ClaimObject {
  private constructor(
    private readonly fields: Fields,
    private readonly path: string,
  ) {}

  /** @throws GanglionError `INVALID_JWT` when `value` is no object. */
  static of(value: unknown, path = ""): ClaimObject {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return new ClaimObject(value as Fields, path);
    }
    throw invalidJwt(`${path || "the claim"} must be an object`);
  }

  has(key: string): boolean {
    return this.fields[key] !== undefined && this.fields[key] !== null;
  }

  text(key: string): string {
    return this.read(key, "", STRING);
  }

  flag(key: string): boolean {
    return this.read(key, false, BOOLEAN);
  }

  /** A whole number. @param zero - what stands for an absent one. */
  integer(key: string, zero = 0): number {
    return this.read(key, zero, INTEGER);
  }

  texts(key: string): readonly string[] {
    return this.read(key, [], STRINGS);
  }

  object(key: string): ClaimObject {
    return ClaimObject.of(this.fields[key] ?? {}, this.at(key));
  }

  objects(key: string): readonly ClaimObject[] {
    return this.list(key).map((_, i) => this.inList(key, i));
  }

  /** The object at a place of a list. */
  inList(key: string, index: number): ClaimObject {
    return ClaimObject.of(this.list(key)[index], `${this.at(key)}[${index}]`);
  }

  /** A list of values of any type. */
  list(key: string): readonly unknown[] {
    return this.read(key, [], LIST);
  }

  /** An object of integers. */
  integers(key: string): ReadonlyMap<string, number> {
    const inner = this.object(key);
    return new Map(Object.keys(inner.fields).map((name) => [name, inner.integer(name)]));
  }

  /** An object of objects. */
  entries(key: string): readonly (readonly [string, ClaimObject])[] {
    const inner = this.object(key);
    return Object.keys(inner.fields).map((name) => [name, inner.object(name)]);
  }

  keys(): readonly string[] {
    return Object.keys(this.fields);
  }

  /** The value of a key as it stands. */
  value(key: string): unknown {
    return this.fields[key];
  }

  private at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  private read<T>(key: string, zero: T, { name, decode }: FieldType<T>): T {
    const value = this.fields[key];
    if (value === undefined || value === null) return zero;
    const decoded = decode(value);
    if (decoded === undefined) throw invalidJwt(`${this.at(key)} must be ${name}`);
    return decoded;
  }
}

/** Error of a JWT that cannot be used. */
export function invalidJwt(reason: string, cause?: unknown) {
  return brokerError("INVALID_JWT", `Invalid JWT: ${reason}`, {
    details: { reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
