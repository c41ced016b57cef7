import { block, byKind, field, list, mapOf, type Reader, refine, shaped } from "../reader.js";
import { duration, filter, flag, integer, literalSubject, percent, text, wordOf } from "../scalars.js";

/** How many answers a service gives. */
export type ResponseType = "singleton" | "stream" | "chunked";

/** Where measurements of a service's latency go. */
export interface LatencyConfig {
  readonly subject: string;
  /** Percent of requests that are measured; `"headers"`: those whose headers ask for it. */
  readonly sampling: number | "headers";
}

/** Source: nats-server const.go `DEFAULT_SERVICE_LATENCY_SAMPLING`. */
const DEFAULT_SAMPLING = 100;

const sampling: Reader<number | "headers"> = shaped<number | "headers">(
  (given) => {
    const { value } = given;
    const isHeaders = value.kind === "string" && value.value.trim().toLowerCase() === "headers";
    return isHeaders ? "headers" : percent(1)(given);
  },
  { text: "headers, or percent from 1 to 100" },
);

const latency: Reader<LatencyConfig> = byKind<LatencyConfig>(
  {
    string: refine(literalSubject, (subject) => ({ subject, sampling: DEFAULT_SAMPLING })),
    map: refine(
      block({ subject: field("subject", literalSubject), sampling: field("sampling", sampling) }),
      (options, given) => {
        const { subject } = options;
        if (subject !== undefined) return { sampling: DEFAULT_SAMPLING, ...options, subject };
        const isGiven = mapOf(given)?.entries.has("subject");
        return isGiven ? undefined : given.fault("latency needs a subject");
      },
    ),
  },
  "a subject, or a map of subject and sampling",
);

const fields = {
  stream: field("stream", filter),
  service: field("service", filter),
  accounts: field("accounts", list(text)),
  accountTokenPosition: field("account_token_position", integer(0, 255)),
  responseType: field(
    "response_type response",
    wordOf<ResponseType>({
      single: "singleton",
      singleton: "singleton",
      stream: "stream",
      chunk: "chunked",
      chunked: "chunked",
    }),
  ),
  responseThresholdMs: field("threshold response_threshold response_max_time response_time", duration()),
  latency: field("latency", latency),
  allowTrace: field("allow_trace", flag),
};

/** Who may import an export. */
interface ExportRules {
  readonly subject: string;
  /** Absent: every account. */
  readonly accounts?: readonly string[];
  /** The token of the subject, counted from 1, that must name the importing account. */
  readonly accountTokenPosition?: number;
}

export interface StreamExportConfig extends ExportRules {
  readonly kind: "stream";
}

export interface ServiceExportConfig extends ExportRules {
  readonly kind: "service";
  /** @default "singleton" */
  readonly responseType?: ResponseType;
  /** Time an answer may take. @default 2 minutes */
  readonly responseThresholdMs?: number;
  readonly latency?: LatencyConfig;
  readonly allowTrace?: boolean;
}

/** A subject an account lets others import. */
export type ExportConfig = StreamExportConfig | ServiceExportConfig;

/** Options only a service has, with their keys. */
const SERVICE_ONLY = ["responseType", "responseThresholdMs", "latency", "allowTrace"] as const;

const oneExport: Reader<ExportConfig> = refine(block(fields), (options, given) => {
  const { stream, service, accounts, accountTokenPosition = 0, ...rest } = options;
  if (stream !== undefined && service !== undefined)
    return given.fault("an export is a stream or a service, not both");
  const subject = stream ?? service;
  if (subject === undefined) {
    const named = mapOf(given)?.entries;
    // Without either nats-server ignores the export. With one it was reported already.
    return named?.has("stream") || named?.has("service")
      ? undefined
      : given.fault("an export needs a stream or a service");
  }
  if (accountTokenPosition > 0 && subject.split(".")[accountTokenPosition - 1] !== "*") {
    given.fault(`token ${accountTokenPosition} of "${subject}" must be "*" to stand for an account`);
  }
  if (accounts?.length === 0)
    given.warn("an empty list of accounts exports to everybody", given.placeOf("accounts"));
  if (rest.latency !== undefined && (rest.responseType ?? "singleton") !== "singleton") {
    given.fault("latency is measured for singleton services only", given.placeOf("latency"));
  }
  const rules = {
    subject,
    ...(accounts === undefined ? {} : { accounts }),
    ...(accountTokenPosition === 0 ? {} : { accountTokenPosition }),
  };
  if (stream === undefined) return Object.freeze({ kind: "service", ...rules, ...rest });
  for (const option of SERVICE_ONLY) {
    const { keys } = fields[option];
    if (rest[option] !== undefined) given.fault(`${keys[0]} is for a service only`, given.placeOf(...keys));
  }
  return Object.freeze({ kind: "stream", ...rules });
});

/** Source: nats-server opts.go `parseAccountExports`. */
export const accountExports: Reader<readonly ExportConfig[]> = list(oneExport);
