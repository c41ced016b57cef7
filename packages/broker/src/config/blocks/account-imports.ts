import type { Position } from "../document.js";
import { block, field, list, mapOf, type Reader, refine } from "../reader.js";
import { filter, flag, text } from "../scalars.js";

/** What an account takes from another one. */
interface ImportSource {
  /** The exporting account. */
  readonly account: string;
  /** The subject in the exporting account. */
  readonly subject: string;
}

export interface StreamImportConfig extends ImportSource {
  readonly kind: "stream";
  /** The subject in the importing account; absent: the same. */
  readonly to?: string;
  /** Put in front of the subject in the importing account. */
  readonly prefix?: string;
  readonly allowTrace?: boolean;
}

export interface ServiceImportConfig extends ImportSource {
  readonly kind: "service";
  /** The subject in the importing account. */
  readonly to: string;
  /** Tells the service who asks. */
  readonly share: boolean;
}

/** A stream or service an account takes from another one. */
export type ImportConfig = StreamImportConfig | ServiceImportConfig;

/** An import with its place, for faults that show only when all accounts are known. */
export interface PlacedImport {
  readonly config: ImportConfig;
  readonly at: Position;
}

const source: Reader<ImportSource> = refine(
  block({ account: field("account", text), subject: field("subject", filter) }),
  ({ account, subject }, given) => {
    if (account && subject) return Object.freeze({ account, subject });
    const named = mapOf(given)?.entries;
    const isReported = named?.has("account") && named.has("subject");
    return isReported ? undefined : given.fault(`${given.name} needs an account and a subject`);
  },
);

const fields = {
  stream: field("stream", source),
  service: field("service", source),
  prefix: field("prefix", text),
  to: field("to", text),
  share: field("share", flag),
  allowTrace: field("allow_trace", flag),
};

const oneImport: Reader<PlacedImport> = refine(block(fields), (options, given) => {
  const { stream, service, prefix, to, share = false, allowTrace } = options;
  const at = given.placeOf("stream", "service");
  if (stream && service) return given.fault("an import is a stream or a service, not both");
  if (service) {
    if (allowTrace !== undefined)
      given.fault("allow_trace is for a stream only", given.placeOf("allow_trace"));
    const config = { kind: "service", ...service, to: to ?? service.subject, share } as const;
    return { config: Object.freeze(config), at };
  }
  if (stream) {
    if (prefix && to) return given.fault("prefix and to exclude each other", given.placeOf("to"));
    const config = {
      kind: "stream",
      ...stream,
      ...(to ? { to } : {}),
      ...(prefix ? { prefix } : {}),
      ...(allowTrace === undefined ? {} : { allowTrace }),
    } as const;
    return { config: Object.freeze(config), at };
  }
  const named = mapOf(given)?.entries;
  return named?.has("stream") || named?.has("service")
    ? undefined
    : given.fault("an import needs a stream or a service");
});

/** Source: nats-server opts.go `parseAccountImports`. */
export const accountImports: Reader<readonly PlacedImport[]> = refine(list(oneImport), (imports, given) => {
  const services = new Set<string>();
  for (const { config, at } of imports) {
    if (config.kind !== "service") continue;
    const identity = `${config.account} ${config.to}`;
    if (services.has(identity))
      given.fault(`a service of "${config.account}" is imported to "${config.to}" twice`, at);
    services.add(identity);
  }
  return imports;
});
