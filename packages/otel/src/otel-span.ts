import { type HeaderReader, type HeaderWriter, isGanglionError, type Span } from "@ganglion/kernel";
import {
  type Span as ApiSpan,
  type Context,
  context,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from "@opentelemetry/api";
import { toApiAttributes } from "./attributes.js";

/** Lets a propagator read the headers of a message. NATS header names keep their case; ours are lower. */
export const headerGetter: TextMapGetter<HeaderReader> = {
  get: (read, name) => read(name.toLowerCase()),
  keys: () => [],
};

const headerSetter: TextMapSetter<HeaderWriter> = {
  set: (write, name, value) => write(name, value),
};

/** A {@link Span} over a span of OpenTelemetry and the context in which it is the active one. */
export class OtelSpan implements Span {
  readonly ids: Span["ids"];

  constructor(
    private readonly span: ApiSpan,
    private readonly spanContext: Context,
    private readonly propagator: TextMapPropagator,
  ) {
    if (span.isRecording()) {
      const { traceId, spanId } = span.spanContext();
      this.ids = { traceId, spanId };
    }
  }

  /** The span that is active here, if any. */
  static active(propagator: TextMapPropagator): OtelSpan | undefined {
    const activeContext = context.active();
    const span = trace.getSpan(activeContext);
    return span === undefined ? undefined : new OtelSpan(span, activeContext, propagator);
  }

  setAttributes(attributes: Parameters<Span["setAttributes"]>[0]): void {
    this.span.setAttributes(toApiAttributes(attributes));
  }

  inject(write: HeaderWriter): void {
    this.propagator.inject(this.spanContext, write, headerSetter);
  }

  run<T>(work: () => T): T {
    return context.with(this.spanContext, work);
  }

  fail(error: unknown): void {
    this.span.recordException(error instanceof Error ? error : String(error));
    this.span.setStatus({
      code: SpanStatusCode.ERROR,
      message: error instanceof Error ? error.message : String(error),
    });
    this.span.setAttribute("error.type", errorType(error));
  }

  end(): void {
    this.span.end();
  }
}

/** Source: OpenTelemetry semantic conventions, `error.type`: a predictable value of low cardinality. */
function errorType(error: unknown): string {
  if (isGanglionError(error)) return error.code;
  return error instanceof Error ? error.name : "_OTHER";
}
