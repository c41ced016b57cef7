import { decodeHeaders, type MessageHeaders } from "@ganglion/protocol";
import type { LatencyConfig } from "../config/blocks/account-exports.js";

/** Headers that made a request be measured, as an event shows them. */
export type SampledHeaders = Readonly<Record<string, readonly string[]>>;

/** Whether a request is measured; `headers` when they decided it. */
export type Sample = { readonly headers?: SampledHeaders } | undefined;

/**
 * Decides whether the latency of a request is measured: by chance, or because its headers belong to a trace that is
 * sampled (Zipkin, Jaeger, W3C trace context).
 *
 * Source: nats-server accounts.go `shouldSample`.
 *
 * @param block - the header block of the request; empty when it has none.
 */
export function sampleOf({ sampling }: LatencyConfig, block: Uint8Array): Sample {
  const percent = sampling === "headers" ? 0 : sampling;
  if (percent > 0 && Math.random() * 100 < percent) return {};
  if (block.length === 0) return undefined;
  const headers = canonicalHeaders(block);
  return byJaeger(headers) ?? byZipkin(headers) ?? byTraceContext(headers) ?? undefined;
}

/** null: another kind of trace may decide; undefined: not sampled. */
type Decision = Sample | null;
type Headers = ReadonlyMap<string, readonly string[]>;

function byJaeger(headers: Headers): Decision {
  const id = headers.get("Uber-Trace-Id");
  if (id === undefined) return null;
  const [, , , flags = "", ...rest] = (id[0] ?? "").split(":");
  const isSampled =
    rest.length === 0 && /^[0-9a-f]{1,2}$/i.test(flags) && Number.parseInt(flags, 16) % 2 === 1;
  const isContext = (name: string) => name === "Uber-Trace-Id" || name.startsWith("Uberctx-");
  return isSampled ? { headers: pick(headers, isContext) } : undefined;
}

const B3_HEADERS: ReadonlySet<string> = new Set([
  "X-B3-Sampled",
  "X-B3-Traceid",
  "X-B3-Parentspanid",
  "X-B3-Spanid",
]);

function byZipkin(headers: Headers): Decision {
  const sampled = headers.get("X-B3-Sampled")?.[0];
  if (sampled === "0") return undefined;
  // Without a word about sampling it is left to the receiver.
  if (sampled === "1" || headers.has("X-B3-Traceid")) {
    return { headers: pick(headers, (name) => B3_HEADERS.has(name)) };
  }
  const single = headers.get("B3");
  if (single === undefined) return null;
  const parts = (single[0] ?? "").split("-");
  const isDenied = parts.length > 2 ? parts[2] === "0" : parts.length === 1 && parts[0] === "0";
  return isDenied ? undefined : { headers: { B3: single } };
}

function byTraceContext(headers: Headers): Decision {
  const parent = headers.get("Traceparent")?.[0] ?? "";
  const [, , , flags = "", ...rest] = parent.split("-");
  const isSampled = rest.length === 0 && /^[0-9a-f]{2}$/i.test(flags) && Number.parseInt(flags, 16) % 2 === 1;
  const isContext = (name: string) => name === "Traceparent" || name === "Tracestate";
  return isSampled ? { headers: pick(headers, isContext) } : null;
}

function pick(headers: Headers, isWanted: (name: string) => boolean): SampledHeaders {
  return Object.fromEntries([...headers].filter(([name]) => isWanted(name)));
}

/** Values by name, in the case Go gives names: `X-B3-Traceid`. */
function canonicalHeaders(block: Uint8Array): Headers {
  const byName = new Map<string, string[]>();
  for (const [name, value] of entriesOf(block)) {
    const canonical = name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    const values = byName.get(canonical);
    if (values === undefined) byName.set(canonical, [value]);
    else values.push(value);
  }
  return byName;
}

function entriesOf(block: Uint8Array): MessageHeaders["entries"] {
  try {
    return decodeHeaders(block).entries;
  } catch {
    return []; // a client may send any bytes as headers
  }
}
