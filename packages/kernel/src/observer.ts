/** Attribute values as OpenTelemetry allows them. */
export type AttributeValue = string | number | boolean | readonly string[];
/** Attributes of a span or a measurement. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/**
 * The role of a span, by OpenTelemetry's terms.
 *
 * Source: OpenTelemetry specification, trace API, SpanKind.
 */
export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** Reads trace headers (`traceparent`, `tracestate`, `baggage`) of a message, by lower-case name. */
export type HeaderReader = (name: string) => string | undefined;
/** Writes one trace header of an outgoing message. */
export type HeaderWriter = (name: string, value: string) => void;

/** What a span is started with. */
export interface SpanOptions {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes?: Attributes;
  /** Headers of the message that caused this work; their trace becomes the parent. @default the active span */
  readonly parent?: HeaderReader;
  /** Headers of further messages this work is connected with (fan-in). */
  readonly links?: readonly HeaderReader[];
}

/** One timed operation of a trace. */
export interface Span {
  setAttributes(attributes: Attributes): void;
  /** Writes this span's context into an outgoing message. */
  inject(write: HeaderWriter): void;
  /** Runs `work` with this span as the active one, also across its awaits. */
  run<T>(work: () => T): T;
  /** Marks the span as failed. */
  fail(error: unknown): void;
  end(): void;
  /** Ids for log lines, lower-case hex. `undefined` when nothing is recorded. */
  readonly ids: { readonly traceId: string; readonly spanId: string } | undefined;
}

/** Where the framework reports traces and measurements. `@ganglion/otel` implements it. */
export interface Observer {
  /** False when every span is a no-op, so that hot paths can skip the work of describing one. */
  readonly tracing: boolean;
  startSpan(options: SpanOptions): Span;
  /** The span that is active here, if any. */
  activeSpan(): Span | undefined;
  /** Adds `value` to a counter. */
  count(name: string, value: number, attributes?: Attributes): void;
  /** Records one value of a distribution; durations are in seconds. */
  record(name: string, value: number, attributes?: Attributes): void;
  /** Adds `delta` to a value that goes up and down, such as requests in flight. */
  adjust(name: string, delta: number, attributes?: Attributes): void;
  /** Sets a value that is read off now and then, such as the lag of a consumer. */
  gauge(name: string, value: number, attributes?: Attributes): void;
}

/** A span that records nothing. */
export const noopSpan: Span = {
  setAttributes: () => {},
  inject: () => {},
  run: (work) => work(),
  fail: () => {},
  end: () => {},
  ids: undefined,
};

/** An observer that records nothing. */
export const noopObserver: Observer = {
  tracing: false,
  startSpan: () => noopSpan,
  activeSpan: () => undefined,
  count: () => {},
  record: () => {},
  adjust: () => {},
  gauge: () => {},
};
