import type { LatencyConfig, ResponseType } from "../../config/blocks/account-exports.js";
import { type ClaimObject, invalidJwt } from "./claim-object.js";

/** What is shared: messages that flow to the importer, or requests that flow to the exporter. */
export type LinkKind = "stream" | "service";

/** What an account lets others import. */
export interface ExportClaim {
  readonly kind: LinkKind;
  readonly subject: string;
  /** Only accounts with an activation token may import it. */
  readonly tokenRequired: boolean;
  /** Tokens, by the importing account or "*", that were issued until then, in seconds since 1970, are out. */
  readonly revocations: ReadonlyMap<string, number>;
  readonly responseType: ResponseType;
  readonly responseThresholdMs: number;
  readonly latency?: LatencyConfig;
  /** The token of the subject, counted from 1, that must name the importing account; 0: none. */
  readonly accountTokenPosition: number;
  readonly allowTrace: boolean;
}

/** What an account takes from another one. */
export interface ImportClaim {
  readonly kind: LinkKind;
  /** The subject as the one who publishes sees it: of a stream the exporter's, of a service (with `to`) the importer's. */
  readonly subject: string;
  /** Public key of the exporting account. */
  readonly account: string;
  /** Activation token; empty: none. */
  readonly token: string;
  /** The older way to rename: prefix of a stream, or subject of the service in the exporting account. */
  readonly to: string;
  /** The subject in the importing account; empty: the same. */
  readonly localSubject: string;
  readonly share: boolean;
  readonly allowTrace: boolean;
}

const NS_PER_MS = 1_000_000;

const RESPONSE_TYPES: ReadonlyMap<string, ResponseType> = new Map([
  ["", "singleton"],
  ["Singleton", "singleton"],
  ["Stream", "stream"],
  ["Chunked", "chunked"],
]);

/** Reads the exports of an account. @throws GanglionError `INVALID_JWT`. */
export function readExports(nats: ClaimObject): readonly ExportClaim[] {
  return nats.objects("exports").map((given) => {
    const responseType = RESPONSE_TYPES.get(given.text("response_type"));
    if (responseType === undefined)
      throw invalidJwt(`unknown response type "${given.text("response_type")}"`);
    const latency = given.has("service_latency") ? readLatency(given.object("service_latency")) : undefined;
    return {
      kind: readKind(given),
      subject: given.text("subject"),
      tokenRequired: given.flag("token_req"),
      revocations: given.integers("revocations"),
      responseType,
      responseThresholdMs: given.integer("response_threshold") / NS_PER_MS,
      ...(latency && { latency }),
      accountTokenPosition: given.integer("account_token_position"),
      allowTrace: given.flag("allow_trace"),
    };
  });
}

/** Reads the imports of an account. @throws GanglionError `INVALID_JWT`. */
export function readImports(nats: ClaimObject): readonly ImportClaim[] {
  return nats.objects("imports").map((given) => ({
    kind: readKind(given),
    subject: given.text("subject"),
    account: given.text("account"),
    token: given.text("token"),
    to: given.text("to"),
    localSubject: given.text("local_subject"),
    share: given.flag("share"),
    allowTrace: given.flag("allow_trace"),
  }));
}

function readKind(given: ClaimObject): LinkKind {
  const kind = given.text("type");
  if (kind === "stream" || kind === "service") return kind;
  throw invalidJwt(`unknown type "${kind}" of an export or import`);
}

function readLatency(given: ClaimObject): LatencyConfig {
  const isHeaders = String(given.value("sampling")).toLowerCase() === "headers";
  const sampling = isHeaders ? 0 : given.integer("sampling");
  return { subject: given.text("results"), sampling: sampling === 0 ? "headers" : sampling };
}
