import type { SpanKind } from "@ganglion/kernel";
import { SpanKind as ApiSpanKind, type Attributes, SpanStatusCode } from "@opentelemetry/api";
import { hrTimeToMilliseconds } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";

/** A finished span as plain data. */
export interface RecordedSpan {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** The span that caused this one, also one of another process. `undefined` for the root of a trace. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** `service.name` of the resource the span was recorded by. */
  readonly service: string;
  /** Milliseconds since 1970-01-01 UTC, with a fraction. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly status: "ok" | "error";
  /** What was said when the span failed. */
  readonly error: string | undefined;
  readonly attributes: Readonly<Attributes>;
  /** Spans of other messages this one is connected with. */
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Names of the events on the span, in order; `exception` for a recorded error. */
  readonly events: readonly string[];
}

const KINDS: Readonly<Record<ApiSpanKind, SpanKind>> = {
  [ApiSpanKind.INTERNAL]: "internal",
  [ApiSpanKind.SERVER]: "server",
  [ApiSpanKind.CLIENT]: "client",
  [ApiSpanKind.PRODUCER]: "producer",
  [ApiSpanKind.CONSUMER]: "consumer",
};

/** Converts a finished span of the SDK into plain data. */
export function recordedSpan(span: ReadableSpan): RecordedSpan {
  const { traceId, spanId } = span.spanContext();
  const failed = span.status.code === SpanStatusCode.ERROR;
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    name: span.name,
    kind: KINDS[span.kind],
    service: String(span.resource.attributes["service.name"] ?? "unknown_service"),
    startMs: hrTimeToMilliseconds(span.startTime),
    durationMs: hrTimeToMilliseconds(span.duration),
    status: failed ? "error" : "ok",
    error: failed ? span.status.message : undefined,
    attributes: span.attributes,
    links: span.links.map(({ context }) => ({ traceId: context.traceId, spanId: context.spanId })),
    events: span.events.map((event) => event.name),
  };
}
