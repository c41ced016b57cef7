/** A JSON object. */
type Fields = Readonly<Record<string, unknown>>;

/** Where an object comes from. */
export interface JsonSource {
  /** For errors: "the claim". */
  readonly name: string;
  /** Place within the whole; empty or absent: the whole. */
  readonly path?: string;
  /** Makes the error of a value that has the wrong type. */
  fail(reason: string): Error;
}

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
 * One JSON object that somebody sent. What is absent or null reads as its zero value, as Go reads it.
 *
 * Every reading method throws, for a value of another type, what the owner wants for it.
 */
export class JsonObject {
  private constructor(
    private readonly fields: Fields,
    private readonly source: JsonSource,
  ) {}

  /** @throws what `fail` makes when `value` is no object. */
  static of(value: unknown, source: JsonSource): JsonObject {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return new JsonObject(value as Fields, source);
    }
    throw source.fail(`${source.path || source.name} must be an object`);
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

  object(key: string): JsonObject {
    return JsonObject.of(this.fields[key] ?? {}, this.inside(this.at(key)));
  }

  objects(key: string): readonly JsonObject[] {
    return this.list(key).map((_, i) => this.inList(key, i));
  }

  /** The object at a place of a list. */
  inList(key: string, index: number): JsonObject {
    return JsonObject.of(this.list(key)[index], this.inside(`${this.at(key)}[${index}]`));
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
  entries(key: string): readonly (readonly [string, JsonObject])[] {
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
    return this.source.path ? `${this.source.path}.${key}` : key;
  }

  private inside(path: string): JsonSource {
    return { ...this.source, path };
  }

  private read<T>(key: string, zero: T, { name, decode }: FieldType<T>): T {
    const value = this.fields[key];
    if (value === undefined || value === null) return zero;
    const decoded = decode(value);
    if (decoded === undefined) throw this.source.fail(`${this.at(key)} must be ${name}`);
    return decoded;
  }
}
