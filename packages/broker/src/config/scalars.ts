import { isValidFilter, isValidSubject, parseGoDuration } from "@ganglion/protocol";
import { isNkey, type NkeyKind } from "../auth/nkey.js";
import { byKind, describeValue, type Given, kindOf, type Reader, refine, shaped } from "./reader.js";

const NS_PER_MS = 1e6;
const MS_PER_S = 1000;

/** Largest value of a setting nats-server keeps in 32 bits. */
export const MAX_INT32 = 2 ** 31 - 1;

/** A string. */
export function text(given: Given): string | undefined {
  const { value, name } = given;
  if (value.kind === "string") return value.value;
  return given.fault(`${name} must be a string, not ${describeValue(value)}; quote it`);
}
text.shape = { text: "string" };

/** A string that no message may show. */
export function secret(given: Given): string | undefined {
  const { value, name } = given;
  if (value.kind === "string") return value.value;
  return given.fault(`${name} must be a string, not ${kindOf(value)}; quote it`);
}
secret.shape = { text: "string" };

/** A string without spaces. */
export const spaceless: Reader<string> = refine(text, (option, given) =>
  option.includes(" ") ? given.fault(`${given.name} must not have spaces, as "${option}" has`) : option,
);

/** A boolean. */
export function flag(given: Given): boolean | undefined {
  const { value, name } = given;
  if (value.kind === "boolean") return value.value;
  return given.fault(`${name} must be true or false (yes, no, on, off), not ${describeValue(value)}`);
}
flag.shape = { text: "boolean" };

/** A whole number from `min` to `max`. Larger ones than JavaScript counts exactly are taken as the largest. */
export function integer(
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): Reader<number> {
  const read = (given: Given) => {
    const { value, name } = given;
    if (value.kind !== "integer")
      return given.fault(`${name} must be an integer, not ${describeValue(value)}`);
    const number = Math.min(value.value, Number.MAX_SAFE_INTEGER);
    if (number >= min && number <= max) return number;
    return given.fault(`${name} must be from ${min} to ${max}, not ${value.value}`);
  };
  return shaped(read, { text: `integer${rangeText(min, max)}` });
}

function rangeText(min: number, max: number): string {
  if (max < MAX_INT32) return ` from ${min} to ${max}`;
  return min === Number.MIN_SAFE_INTEGER ? "" : ` from ${min}`;
}

/** A number of things or bytes. */
export const count = integer(0);

/** A limit: -1 is none. */
export const limit = integer(-1);

/** A TCP port: -1 takes a free one. */
export const port = integer(-1, 65_535);

/** Takes 0 as not given, so that the default holds. Source: nats-server opts.go `setBaselineOptions`. */
export function zeroIsDefault(reader: Reader<number>): Reader<number> {
  return refine(reader, (option) => (option === 0 ? undefined : option));
}

/** One of the words of a table, in any case. */
export function wordOf<T>(words: Readonly<Record<string, T>>): Reader<T> {
  const read = (given: Given) => {
    const { value, name } = given;
    const word = value.kind === "string" ? value.value.toLowerCase() : "";
    if (Object.hasOwn(words, word)) return words[word];
    const allowed = Object.keys(words).map((key) => `"${key}"`);
    return given.fault(`${name} must be one of ${allowed.join(", ")}, not ${describeValue(value)}`);
  };
  return shaped(read, { text: Object.keys(words).join(", ") });
}

/** A length of time as a string, such as "2m" or "1h30m". Result: milliseconds. */
export function duration(min = 0): Reader<number> {
  const read = (given: Given) => {
    const { value, name } = given;
    const ns = value.kind === "string" ? parseGoDuration(value.value) : undefined;
    if (ns === undefined)
      return given.fault(`${name} must be a duration such as "2m", not ${describeValue(value)}`);
    if (ns >= min * NS_PER_MS) return ns / NS_PER_MS;
    return given.fault(`${name} must be at least ${min / MS_PER_S} s, not ${describeValue(value)}`);
  };
  return shaped(read, { text: `duration${min > 0 ? ` from ${min / MS_PER_S}s` : ""}` });
}

/** Also a number of seconds, with a warning, as old files have it. Result: milliseconds. */
export const durationOrSeconds: Reader<number> = shaped(
  (given) => {
    const { value, name } = given;
    if (value.kind !== "integer") return duration()(given);
    given.warn(`${name} should be a duration: "${value.value}s"`);
    return count(given) === undefined ? undefined : value.value * MS_PER_S;
  },
  { text: "duration" },
);

/** A number of seconds, or a duration. Result: milliseconds. */
export const seconds: Reader<number> = byKind(
  {
    integer: refine(count, (whole) => whole * MS_PER_S),
    float: ({ value }) => (value.kind === "float" ? value.value * MS_PER_S : undefined),
    string: duration(),
  },
  "a number of seconds or a duration",
);

/** Longest timeout that raises no eyebrows. */
const LONG_TIMEOUT_MS = 60_000;

/** {@link seconds}, with a warning when they are many: 1m without quotes is a million. */
export const timeout: Reader<number> = refine(seconds, (ms, given) => {
  if (ms > LONG_TIMEOUT_MS)
    given.warn(`${given.name} is ${ms / MS_PER_S} s; a duration must be in quotes: "1m"`);
  return ms;
});

/** An address to listen on. */
export interface ListenAddress {
  readonly host?: string;
  readonly port: number;
}

/** A port, or "host:port" with the host in [ ] if it is IPv6. Source: nats-server opts.go `parseListen`. */
export const listenAddress: Reader<ListenAddress> = shaped(
  (given) => {
    const { value } = given;
    if (value.kind === "integer") {
      const number = port(given);
      return number === undefined ? undefined : { port: number };
    }
    const found =
      value.kind === "string" ? /^(?:\[([^\][]*)\]|([^:\][]*)):([-+]?\d+)$/.exec(value.value) : null;
    const number = Number(found?.[3]);
    if (found === null || number < -1 || number > 65_535) {
      return given.fault(`${given.name} must be a port or "host:port", not ${describeValue(value)}`);
    }
    const host = found[1] ?? found[2] ?? "";
    return host === "" ? { port: number } : { host, port: number };
  },
  { text: 'port or "host:port"' },
);

/** Puts the parts of `listen` beside `host` and `port`, which hold when both are given. */
export function spreadListen<T extends Partial<ListenAddress> & { readonly listen?: ListenAddress }>(
  options: T,
): Omit<T, "listen"> {
  const { listen, ...rest } = options;
  return Object.freeze({ ...listen, ...rest }) as Omit<T, "listen">; // T has host and port itself
}

/** The public key of a `kind`. */
export function nkey(kind: NkeyKind): Reader<string> {
  return refine(text, (option, given) =>
    isNkey(option, kind)
      ? option
      : given.fault(
          `${given.name} must be the public nkey of ${/^[ao]/.test(kind) ? "an" : "a"} ${kind}, not "${option}"`,
        ),
  );
}

/** A subject with or without wildcards. */
export const filter: Reader<string> = refine(text, (option, given) =>
  isValidFilter(option) ? option : given.fault(`"${option}" is not a valid subject`),
);

/** A subject without wildcards. */
export const literalSubject: Reader<string> = refine(text, (option, given) =>
  isValidSubject(option) ? option : given.fault(`"${option}" is not a valid subject without wildcards`),
);

/** An absolute URL, as written. Messages do not show it: it may hold a password. */
export const url: Reader<string> = refine(secret, (option, given) => {
  const trimmed = option.trim();
  return URL.canParse(trimmed)
    ? trimmed
    : given.fault(`${given.name} is not a valid URL such as "nats://host:4222"`);
});

/** A share in percent: 50 or "50%". */
export function percent(min: number): Reader<number> {
  const read = (given: Given) => {
    const { value, name } = given;
    const written = value.kind === "string" ? /^(-?\d+)%?$/.exec(value.value)?.[1] : undefined;
    const share = value.kind === "integer" ? value.value : Number(written);
    if (share >= min && share <= 100) return share;
    return given.fault(`${name} must be from ${min} to 100 percent, not ${describeValue(value)}`);
  };
  return shaped(read, { text: `percent from ${min} to 100` });
}
