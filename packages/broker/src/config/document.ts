/** A place in a configuration file. Lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What a configuration file can hold as a value. */
export type ConfigValue =
  | { readonly kind: "string"; readonly value: string; readonly at: Position }
  | { readonly kind: "boolean"; readonly value: boolean; readonly at: Position }
  /** A whole number within 64 bits; above 2^53 it is rounded. */
  | { readonly kind: "integer"; readonly value: number; readonly at: Position }
  | { readonly kind: "float"; readonly value: number; readonly at: Position }
  | { readonly kind: "date"; readonly value: Date; readonly at: Position }
  | ConfigList
  | ConfigMap;

export interface ConfigList {
  readonly kind: "list";
  readonly items: readonly ConfigValue[];
  readonly at: Position;
}

export interface ConfigMap {
  readonly kind: "map";
  /** By key, as written. Of a key that is given twice the last value holds. */
  readonly entries: ReadonlyMap<string, ConfigEntry>;
  readonly at: Position;
}

/** A key with its value. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: ConfigValue;
  /** Where the key is. */
  readonly at: Position;
  /** Whether a `$KEY` refers to it: then it may be a mere variable, and an unknown key is no fault. */
  readonly isReferenced: boolean;
}

/** Writes a position the way compilers do: `file:line:column`. */
export function formatPosition({ file, line, column }: Position): string {
  return `${file}:${line}:${column}`;
}

/** The value without its positions: strings, numbers, booleans, dates, arrays and objects. */
export function plainValue(value: ConfigValue): unknown {
  if (value.kind === "list") return value.items.map(plainValue);
  if (value.kind !== "map") return value.value;
  return Object.fromEntries([...value.entries].map(([key, entry]) => [key, plainValue(entry.value)]));
}
