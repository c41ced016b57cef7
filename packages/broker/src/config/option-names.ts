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

/** Whether a configuration has an option of this name. */
export function isOption(name: string): boolean {
  return NAMES.has(name);
}
