import { type ApiError, apiError, getHeader, JETSTREAM_HEADERS, setHeaders } from "@ganglion/protocol";
import type { FramedMessage } from "./with-headers.js";

/** Totals of a counter by the stream and subject they came from. */
type CounterSources = Record<string, Record<string, string>>;

/** What is known of a counter: its total, and what of it came from other streams. */
interface Counter {
  readonly total: bigint;
  readonly sources: CounterSources;
}

/** A message that carries the new total of a counter. */
export interface CountedMessage {
  readonly message: FramedMessage;
  readonly total: string;
}

/**
 * Changes a counter. A message that was copied from another stream carries the total there: the counter
 * changes by what that total has changed since the last one from there.
 *
 * @param last - the last message of the counter.
 * @param streamSource - of a message that was copied.
 * Source: ADR-49; nats-server stream.go `processJetStreamMsg`.
 */
export function countMessage(
  given: FramedMessage & { readonly subject: string },
  change: { readonly increment: bigint; readonly streamSource: string | undefined },
  last: FramedMessage | undefined,
): CountedMessage | ApiError {
  const counter = last === undefined ? { total: 0n, sources: {} } : readCounter(last);
  if (counter === undefined) return apiError("MessageCounterBroken");
  const { sources } = counter;
  let { increment } = change;
  const headers: [string, string][] = [];
  if (change.streamSource !== undefined) {
    const sourced = readTotal(given);
    if (sourced === undefined) return apiError("MessageCounterBroken");
    const [stream = "", , , , subject = given.subject] = change.streamSource.split(" ");
    const known = sources[stream] ?? {};
    increment = sourced - BigInt(known[subject] ?? "0");
    sources[stream] = { ...known, [subject]: String(sourced) };
    headers.push([JETSTREAM_HEADERS.increment, String(increment)]);
  }
  const total = String(counter.total + increment);
  if (Object.keys(sources).length > 0)
    headers.push([JETSTREAM_HEADERS.counterSources, JSON.stringify(sources)]);
  const block = setHeaders(given.data.subarray(0, given.headerSizeBytes), headers);
  const payload = Buffer.from(JSON.stringify({ val: total }));
  return { total, message: { headerSizeBytes: block.length, data: Buffer.concat([block, payload]) } };
}

function readCounter(message: FramedMessage): Counter | undefined {
  const total = readTotal(message);
  const { data, headerSizeBytes } = message;
  const header =
    headerSizeBytes === 0 ? undefined : getHeader(data, JETSTREAM_HEADERS.counterSources, headerSizeBytes);
  const sources = header === undefined || header === "" ? {} : readSources(header);
  return total === undefined || sources === undefined ? undefined : { total, sources };
}

function readTotal({ data, headerSizeBytes }: FramedMessage): bigint | undefined {
  const value = parse(Buffer.from(data.subarray(headerSizeBytes)).toString()) as
    | { val?: unknown }
    | undefined;
  if (typeof value?.val !== "string" || !/^-?\d+$/.test(value.val)) return undefined;
  return BigInt(value.val);
}

function readSources(json: string): CounterSources | undefined {
  const value = parse(json);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const isTotals = (totals: unknown) =>
    typeof totals === "object" &&
    totals !== null &&
    Object.values(totals).every((total) => typeof total === "string" && /^-?\d+$/.test(total));
  return Object.values(value).every(isTotals) ? (value as CounterSources) : undefined; // checked just now
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
