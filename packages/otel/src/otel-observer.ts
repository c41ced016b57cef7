import type { Observer, SpanKind, SpanOptions } from "@ganglion/kernel";
import {
  SpanKind as ApiSpanKind,
  context,
  type Link,
  type MeterProvider,
  metrics,
  ROOT_CONTEXT,
  type TextMapPropagator,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { toApiAttributes } from "./attributes.js";
import { ensureContextManager } from "./context-manager.js";
import { Instruments } from "./instruments.js";
import { headerGetter, OtelSpan } from "./otel-span.js";

/** The instrumentation scope under which every span and measurement of Ganglion appears. */
const SCOPE = { name: "ganglion", version: "0.1.0" } as const;

const SPAN_KINDS: Readonly<Record<SpanKind, ApiSpanKind>> = {
  internal: ApiSpanKind.INTERNAL,
  server: ApiSpanKind.SERVER,
  client: ApiSpanKind.CLIENT,
  producer: ApiSpanKind.PRODUCER,
  consumer: ApiSpanKind.CONSUMER,
};

/** Where an {@link otelObserver} sends what it sees. */
export interface OtelObserverOptions {
  /** @default the provider registered globally, also one that is registered later */
  readonly tracerProvider?: TracerProvider;
  /** @default the provider that is registered globally when the observer is created */
  readonly meterProvider?: MeterProvider;
  /** Reads and writes trace headers. @default W3C trace context and baggage */
  readonly propagator?: TextMapPropagator;
}

/**
 * An {@link Observer} that reports to OpenTelemetry. It needs no SDK of its own: give it providers, or
 * register them globally by {@link startOtel} or by the SDK you already use. When no context manager is
 * registered, it registers one over AsyncLocalStorage.
 *
 * @example createApp({ services: [Orders], observer: otelObserver() })
 */
export function otelObserver(options: OtelObserverOptions = {}): Observer {
  ensureContextManager();
  const tracer = (options.tracerProvider ?? trace.getTracerProvider()).getTracer(SCOPE.name, SCOPE.version);
  const meterProvider = options.meterProvider ?? metrics.getMeterProvider();
  const instruments = new Instruments(meterProvider.getMeter(SCOPE.name, SCOPE.version));
  const propagator = options.propagator ?? w3cPropagator();

  return {
    tracing: true,
    startSpan: (span) => {
      const parentContext =
        span.parent === undefined
          ? context.active()
          : propagator.extract(ROOT_CONTEXT, span.parent, headerGetter);
      const started = tracer.startSpan(
        span.name,
        {
          kind: SPAN_KINDS[span.kind],
          ...(span.attributes === undefined ? {} : { attributes: toApiAttributes(span.attributes) }),
          ...(span.links === undefined ? {} : { links: linksOf(span.links, propagator) }),
        },
        parentContext,
      );
      return new OtelSpan(started, trace.setSpan(parentContext, started), propagator);
    },
    activeSpan: () => OtelSpan.active(propagator),
    count: (name, value, attributes) =>
      instruments.counter(name).add(value, attributes && toApiAttributes(attributes)),
    record: (name, value, attributes) =>
      instruments.histogram(name).record(value, attributes && toApiAttributes(attributes)),
    adjust: (name, delta, attributes) =>
      instruments.upDownCounter(name).add(delta, attributes && toApiAttributes(attributes)),
    gauge: (name, value, attributes) =>
      instruments.gauge(name).record(value, attributes && toApiAttributes(attributes)),
  };
}

/** W3C trace context and baggage. */
export function w3cPropagator(): TextMapPropagator {
  return new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  });
}

function linksOf(readers: NonNullable<SpanOptions["links"]>, propagator: TextMapPropagator): Link[] {
  const links: Link[] = [];
  for (const read of readers) {
    const spanContext = trace.getSpanContext(propagator.extract(ROOT_CONTEXT, read, headerGetter));
    if (spanContext !== undefined) links.push({ context: spanContext });
  }
  return links;
}
