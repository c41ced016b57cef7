import type { ConfigMap, ConfigValue, Position } from "./document.js";
import type { ConfigFault } from "./fault.js";

/** Where readers put what they find wrong. */
export interface Findings {
  readonly faults: ConfigFault[];
  /** What works, but is likely not meant. */
  readonly warnings: ConfigFault[];
}

/** A value of a configuration that is being read, with its name for messages and a place to report to. */
export class Given {
  /** @param name - of the key; the items of a list have that of their list. */
  constructor(
    readonly value: ConfigValue,
    readonly name: string,
    private readonly context: { readonly at: Position; readonly findings: Findings },
  ) {}

  /** Reports what makes the configuration invalid. */
  fault(message: string, at: Position = this.context.at): undefined {
    this.context.findings.faults.push({ at, message });
  }

  /** Reports what is likely not meant. */
  warn(message: string, at: Position = this.context.at): undefined {
    this.context.findings.warnings.push({ at, message });
  }

  /** A value inside this one. @param at - the place of its faults: its key, or the value itself in a list. */
  inner(value: ConfigValue, name: string, at: Position = value.at): Given {
    return new Given(value, name, { at, findings: this.context.findings });
  }

  /** The place of the first of `keys` that this map has; of the map itself when it has none. */
  placeOf(...keys: readonly string[]): Position {
    if (this.value.kind !== "map") return this.context.at;
    const found = [...this.value.entries.values()].find(({ key }) => keys.includes(key.toLowerCase()));
    return found?.at ?? this.context.at;
  }
}

/** What a reader takes, in words, for the reference page. */
export interface Shape {
  readonly text: string;
  /** The table of the block it takes, or of the blocks in it. */
  readonly fields?: Fields;
  readonly unsupported?: Readonly<Record<string, string>>;
}

/** Turns a value of the file into an option. Faults are reported to `given`; then it returns undefined. */
export type Reader<T> = ((given: Given) => T | undefined) & { readonly shape?: Shape };

/** Says what a reader takes. */
export function shaped<T>(read: (given: Given) => T | undefined, shape: Shape | undefined): Reader<T> {
  return shape === undefined ? read : Object.assign((given: Given) => read(given), { shape });
}

function wrapped(before: string, inner: Shape | undefined): Shape {
  return { ...inner, text: `${before}${inner === undefined ? "" : ` of ${inner.text}`}` };
}

/** What a {@link Reader} returns. */
export type ReadOf<R> = R extends Reader<infer T> ? T : never;

/** A row of a block's table: the keys an option is known by, and how its value is read. */
export interface Field<T> {
  readonly keys: readonly string[];
  readonly read: Reader<T>;
  /** A sentence for the reference page. */
  readonly about: string;
}

/** @param keys - separated by spaces, in lower case: the file may write them in any case. */
export function field<T>(keys: string, read: Reader<T>, about = ""): Field<T> {
  return { keys: keys.split(" "), read, about };
}

/** The table of a block: each option with its row. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The options a table gives. What the file does not name is absent. */
export type OptionsOf<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends Field<infer T> ? T : never;
};

/** What {@link block} takes beside its table. */
export interface BlockOptions {
  /** Keys of nats-server that are refused with a reason. */
  readonly unsupported?: Readonly<Record<string, string>>;
}

/** Reads a map by a table. Every key that is in no row is a fault, unless it serves as a variable. */
export function block<F extends Fields>(
  fields: F,
  { unsupported = {} }: BlockOptions = {},
): Reader<OptionsOf<F>> {
  const rows = new Map(
    Object.entries(fields).flatMap(([option, { keys, read }]) => keys.map((key) => [key, { option, read }])),
  );
  const read = (given: Given) => {
    const map = mapOf(given);
    if (map === undefined) return undefined;
    const options = new Map<string, unknown>();
    for (const { key, value, at, isReferenced } of map.entries.values()) {
      const row = rows.get(key.toLowerCase());
      if (row !== undefined) {
        const option = row.read(given.inner(value, key, at));
        if (option !== undefined) options.set(row.option, option);
      } else if (!isReferenced) {
        const reason = Object.hasOwn(unsupported, key.toLowerCase())
          ? unsupported[key.toLowerCase()]
          : undefined;
        given.fault(
          reason === undefined ? `unknown field "${key}"` : `"${key}" is not supported: ${reason}`,
          at,
        );
      }
    }
    // The rows gave every value its type.
    return Object.freeze(Object.fromEntries(options)) as OptionsOf<F>;
  };
  return shaped(read, { text: "block", fields, unsupported });
}

/** The map a value is; a fault when it is something else. */
export function mapOf(given: Given): ConfigMap | undefined {
  if (given.value.kind === "map") return given.value;
  return given.fault(`${given.name} must be a map { … }, not ${kindOf(given.value)}`);
}

/** Reads a list, each item by `item`. Items with faults are left out. */
export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  const read = (given: Given) => {
    const { value, name } = given;
    if (value.kind !== "list") return given.fault(`${name} must be a list [ … ], not ${kindOf(value)}`);
    const items = value.items.map((inner) => item(given.inner(inner, name)));
    return Object.freeze(items.filter((option) => option !== undefined));
  };
  return shaped<readonly T[]>(read, wrapped("list", item.shape));
}

/** Reads one item, or a list of them. */
export function oneOrMore<T>(item: Reader<T>): Reader<readonly T[]> {
  const many = list(item);
  const read = (given: Given) => {
    if (given.value.kind === "list") return many(given);
    const only = item(given);
    return only === undefined ? undefined : Object.freeze([only]);
  };
  const { shape } = item;
  return shaped<readonly T[]>(read, shape && { ...shape, text: `${shape.text}, or list of them` });
}

/** Reads a map whose keys are names of the user's, each value by `item`. */
export function dictionary<T>(item: Reader<T>): Reader<ReadonlyMap<string, T>> {
  const read = (given: Given) => {
    const map = mapOf(given);
    if (map === undefined) return undefined;
    const items = [...map.entries.values()].map(
      ({ key, value, at }) => [key, item(given.inner(value, key, at))] as const,
    );
    return new Map(items.filter((pair): pair is [string, T] => pair[1] !== undefined));
  };
  return shaped<ReadonlyMap<string, T>>(read, wrapped("map", item.shape));
}

/** Reads by `first`, then checks or changes what came out. `then` returns undefined after reporting a fault. */
export function refine<T, U>(first: Reader<T>, then: (option: T, given: Given) => U | undefined): Reader<U> {
  const read = (given: Given) => {
    const option = first(given);
    return option === undefined ? undefined : then(option, given);
  };
  return shaped(read, first.shape);
}

/** Reads by the reader for the kind of the value. */
export function byKind<T>(
  readers: Partial<Record<ConfigValue["kind"], Reader<T>>>,
  expected: string,
): Reader<T> {
  const byItsKind = (given: Given) => {
    const read = readers[given.value.kind];
    if (read !== undefined) return read(given);
    return given.fault(`${given.name} must be ${expected}, not ${describeValue(given.value)}`);
  };
  return shaped(byItsKind, { ...(readers.map ?? readers.list)?.shape, text: expected });
}

const KINDS: Readonly<Record<ConfigValue["kind"], string>> = {
  string: "a string",
  boolean: "a boolean",
  integer: "an integer",
  float: "a float",
  date: "a date",
  list: "a list",
  map: "a map",
};

/** The kind of a value, without the value: it may be a secret. */
export function kindOf(value: ConfigValue): string {
  return KINDS[value.kind];
}

/** A value with its kind, for messages. */
export function describeValue(value: ConfigValue): string {
  if (value.kind === "list" || value.kind === "map") return KINDS[value.kind];
  if (value.kind === "date") return `the date ${value.value.toISOString()}`;
  return `the ${value.kind} ${JSON.stringify(value.value)}`;
}
