import { protocolError } from "./errors.js";

/**
 * What a client tells its server, with the names of the wire.
 *
 * Source: nats-server client.go `ClientOpts`.
 */
export interface ConnectOptions {
  /** Answer every operation with +OK. */
  readonly verbose: boolean;
  /** Check the subjects of published messages. */
  readonly pedantic: boolean;
  /** Deliver the connection's own messages to it. */
  readonly echo: boolean;
  readonly tls_required: boolean;
  readonly nkey: string;
  readonly jwt: string;
  readonly sig: string;
  readonly auth_token: string;
  readonly user: string;
  readonly pass: string;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  /** 0: the first protocol; 1: understands further INFO operations. */
  readonly protocol: number;
  readonly headers: boolean;
  /** Wants a 503 status when a request reaches nobody. */
  readonly no_responders: boolean;
  /** Asks for an account by name; servers refuse it. */
  readonly account: string;
  readonly new_account: boolean;
}

/**
 * What holds for a connection that has sent no CONNECT.
 *
 * Source: nats-server client.go `defaultOpts`.
 */
export const DEFAULT_CONNECT_OPTIONS: ConnectOptions = Object.freeze({
  verbose: true,
  pedantic: true,
  echo: true,
  tls_required: false,
  nkey: "",
  jwt: "",
  sig: "",
  auth_token: "",
  user: "",
  pass: "",
  name: "",
  lang: "",
  version: "",
  protocol: 0,
  headers: false,
  no_responders: false,
  account: "",
  new_account: false,
});

/** Names of the fields by their names in lower case. */
const FIELDS: ReadonlyMap<string, keyof ConnectOptions> = new Map(
  Object.keys(DEFAULT_CONNECT_OPTIONS).map((key) => [key, key as keyof ConnectOptions]),
);

/**
 * Reads the argument of a CONNECT operation. Unknown fields are ignored, names may be in any case, `null` stands for
 * no options.
 *
 * Source: Go encoding/json `Unmarshal`, which nats-server reads it with.
 *
 * @param base - options that hold for fields which are absent or null: those of an earlier CONNECT.
 * @throws GanglionError `MALFORMED_CONNECT` when it is no JSON object or a field has the wrong type.
 */
export function decodeConnect(json: string, base: ConnectOptions = DEFAULT_CONNECT_OPTIONS): ConnectOptions {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch (cause) {
    throw protocolError("MALFORMED_CONNECT", "CONNECT is not valid JSON", { cause });
  }
  if (given === null) return base;
  if (typeof given !== "object" || Array.isArray(given)) {
    throw protocolError("MALFORMED_CONNECT", "CONNECT is not a JSON object");
  }
  const known = new Map<string, unknown>();
  for (const [name, value] of Object.entries(given)) {
    const key = FIELDS.get(name.toLowerCase());
    if (key === undefined || value === null) continue;
    const expected = typeof DEFAULT_CONNECT_OPTIONS[key];
    const fits = expected === "number" ? Number.isSafeInteger(value) : typeof value === expected;
    if (!fits) throw protocolError("MALFORMED_CONNECT", `CONNECT field "${key}" is not a ${expected}`);
    known.set(key, value);
  }
  return Object.freeze({ ...base, ...Object.fromEntries(known) });
}

/** Encodes a CONNECT operation with its line end. */
export function encodeConnect(options: Partial<ConnectOptions>): Buffer {
  return Buffer.from(`CONNECT ${JSON.stringify(options)}\r\n`);
}
