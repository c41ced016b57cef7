import type { Fields } from "./reader.js";
import { brokerFields } from "./schema.js";

/** Options of a {@link BrokerConfig} that stand for keys with two values in one. */
const SPREAD: Readonly<Record<string, readonly string[]>> = {
  listen: [],
  http: ["httpHost"],
  https: [],
};

const NAMES: ReadonlySet<string> = new Set(
  Object.keys(brokerFields).flatMap((name) => (Object.hasOwn(SPREAD, name) ? (SPREAD[name] ?? []) : [name])),
);

/** Names that options in code have beside those of the table. */
const OF_CODE: Readonly<Record<string, readonly string[]>> = {
  authorization: ["pass"],
  accounts: ["name"],
};

/** Finds options inside blocks that do not exist: a misspelt user must not leave the broker open. */
export function unknownInBlocks(given: object): readonly string[] {
  const blocks = ["authorization", "accounts", "tls", "jetstream", "websocket"] as const;
  return blocks.flatMap((name) => {
    const value: unknown = (given as Readonly<Record<string, unknown>>)[name];
    const { fields } = brokerFields[name].read.shape ?? {};
    return fields === undefined ? [] : unknownIn({ value, fields, path: name, more: OF_CODE[name] ?? [] });
  });
}

interface Place {
  readonly value: unknown;
  readonly fields: Fields;
  readonly path: string;
  /** Further names that are known. */
  readonly more: readonly string[];
}

function unknownIn({ value, fields, path, more }: Place): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => unknownIn({ value: item, fields, path: `${path}[${i}]`, more }));
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (!Object.hasOwn(fields, key)) return more.includes(key) ? [] : [`unknown option "${path}.${key}"`];
    const users = key === "users" ? fields[key]?.read.shape?.fields : undefined;
    return users === undefined
      ? []
      : unknownIn({ value: inner, fields: users, path: `${path}.${key}`, more: [] });
  });
}

/** Whether a configuration has an option of this name. */
export function isOption(name: string): boolean {
  return NAMES.has(name);
}
