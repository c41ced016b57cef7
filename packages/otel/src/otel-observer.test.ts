import { GanglionError, type HeaderReader } from "@ganglion/kernel";
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import {
  DataPointType,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { afterEach, describe, expect, it } from "vitest";
import { MemorySpanExporter } from "./memory-span-exporter.js";
import { otelObserver } from "./otel-observer.js";
import { type Otel, startOtel } from "./start-otel.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID = "b7ad6b7169203331";

describe("otelObserver", () => {
  const started: Otel[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((otel) => otel.shutdown()));
  });

  async function start(sampler = 1) {
    const exporter = new MemorySpanExporter();
    const otel = await startOtel({ serviceName: "orders", exporter, sampler, global: false });
    started.push(otel);
    return { exporter, observer: otel.observer };
  }

  it("makes the trace of the message's headers the parent", async () => {
    const { exporter, observer } = await start();
    observer
      .startSpan({ name: "orders.place", kind: "server", parent: headers(`00-${TRACE_ID}-${PARENT_ID}-01`) })
      .end();
    expect(exporter.spans()).toMatchObject([
      { name: "orders.place", kind: "server", service: "orders", traceId: TRACE_ID, parentSpanId: PARENT_ID },
    ]);
  });

  it("starts a new trace for a message without trace headers, whatever is active", async () => {
    const { exporter, observer } = await start();
    const outer = observer.startSpan({ name: "outer", kind: "internal" });
    outer.run(() => observer.startSpan({ name: "message", kind: "consumer", parent: () => undefined }).end());
    outer.end();
    const [message, outerSpan] = exporter.spans();
    expect(message?.parentSpanId).toBeUndefined();
    expect(message?.traceId).not.toBe(outerSpan?.traceId);
  });

  it("keeps a span active across awaits, and apart from work that runs beside it", async () => {
    const { exporter, observer } = await start();
    const work = (name: string) => {
      const span = observer.startSpan({ name, kind: "internal" });
      return span.run(async () => {
        await new Promise((resolve) => setImmediate(resolve));
        expect(observer.activeSpan()?.ids).toEqual(span.ids);
        observer.startSpan({ name: `${name} child`, kind: "client" }).end();
        span.end();
      });
    };
    await Promise.all([work("a"), work("b")]);
    expect(observer.activeSpan()).toBeUndefined();
    for (const name of ["a", "b"]) {
      const parent = exporter.spans().find((span) => span.name === name);
      const child = exporter.spans().find((span) => span.name === `${name} child`);
      expect([child?.traceId, child?.parentSpanId]).toEqual([parent?.traceId, parent?.spanId]);
    }
  });

  it("injects its own context, trace state and baggage", async () => {
    const { observer } = await start();
    const span = observer.startSpan({
      name: "emit",
      kind: "producer",
      parent: headers(`00-${TRACE_ID}-${PARENT_ID}-01`, { tracestate: "vendor=1", baggage: "tenant=acme" }),
    });
    const written: Record<string, string> = {};
    span.inject((name, value) => {
      written[name] = value;
    });
    expect(written).toEqual({
      traceparent: `00-${TRACE_ID}-${span.ids?.spanId}-01`,
      tracestate: "vendor=1",
      baggage: "tenant=acme",
    });
    expect(span.run(() => propagation.getBaggage(context.active())?.getEntry("tenant")?.value)).toBe("acme");
  });

  it("links further messages and skips those without a trace", async () => {
    const { exporter, observer } = await start();
    const other = "1af7651916cd43dd8448eb211c80319c";
    observer
      .startSpan({
        name: "batch",
        kind: "consumer",
        links: [headers(`00-${other}-${PARENT_ID}-01`), () => undefined],
      })
      .end();
    expect(exporter.spans()[0]?.links).toEqual([{ traceId: other, spanId: PARENT_ID }]);
  });

  it.each([
    [new GanglionError("OUT_OF_STOCK", "no more of a"), "OUT_OF_STOCK", "no more of a"],
    [new TypeError("not a function"), "TypeError", "not a function"],
    ["text", "_OTHER", "text"],
  ])("marks a failed span: %s", async (error, type, message) => {
    const { exporter, observer } = await start();
    const span = observer.startSpan({ name: "x", kind: "internal" });
    span.fail(error);
    span.end();
    expect(exporter.spans()[0]).toMatchObject({
      status: "error",
      error: message,
      events: ["exception"],
      attributes: { "error.type": type },
    });
  });

  it("records nothing below a caller that is not sampled, and passes the decision on", async () => {
    const { exporter, observer } = await start();
    const span = observer.startSpan({
      name: "x",
      kind: "server",
      parent: headers(`00-${TRACE_ID}-${PARENT_ID}-00`),
    });
    const written: string[] = [];
    span.inject((_, value) => written.push(value));
    span.end();
    expect(span.ids).toBeUndefined();
    expect(written[0]).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
    expect(exporter.spans()).toEqual([]);
  });

  it("samples the share it is given", async () => {
    const { exporter, observer } = await start(0);
    observer.startSpan({ name: "x", kind: "internal" }).end();
    expect(exporter.spans()).toEqual([]);
  });

  it("leaves out attributes without a value", async () => {
    const { exporter, observer } = await start();
    const span = observer.startSpan({ name: "x", kind: "internal", attributes: { a: 1, b: undefined } });
    span.setAttributes({ c: ["p", "q"], d: undefined });
    span.end();
    expect(exporter.spans()[0]?.attributes).toEqual({ a: 1, c: ["p", "q"] });
  });

  it("counts, records, adjusts and sets measurements", async () => {
    const measured = new InMemoryMetricExporter(1); // cumulative
    const reader = new PeriodicExportingMetricReader({ exporter: measured });
    const otel = await startOtel({
      serviceName: "orders",
      exporter: new MemorySpanExporter(),
      metricReaders: [reader],
      global: false,
    });
    started.push(otel);
    const { observer } = otel;
    observer.count("requests", 1, { subject: "a", code: undefined });
    observer.count("requests", 2, { subject: "a" });
    observer.record("request.duration", 0.002);
    observer.record("batch.size", 7);
    observer.adjust("in_flight", 3);
    observer.adjust("in_flight", -1);
    observer.gauge("projection.lag.seconds", 4.5, { projection: "orders" });
    await otel.flush();

    const found = (measured.getMetrics().at(-1)?.scopeMetrics ?? []).flatMap((scope) => scope.metrics);
    const byName = Object.fromEntries(found.map((metric) => [metric.descriptor.name, metric]));
    expect(byName.requests?.dataPoints).toMatchObject([{ value: 3, attributes: { subject: "a" } }]);
    expect(byName.in_flight?.dataPoints).toMatchObject([{ value: 2 }]);
    expect(byName["projection.lag.seconds"]).toMatchObject({
      descriptor: { unit: "s" },
      dataPoints: [{ value: 4.5 }],
    });
    expect(byName["batch.size"]?.descriptor.unit).toBe("");
    const duration = byName["request.duration"];
    expect(duration?.descriptor.unit).toBe("s");
    if (duration?.dataPointType !== DataPointType.HISTOGRAM) return expect.unreachable();
    const { boundaries, counts } = duration.dataPoints[0]?.value.buckets ?? { boundaries: [], counts: [] };
    expect(boundaries[counts.indexOf(1)]).toBe(0.002_5);
  });

  it("follows a tracer provider that is registered globally later", async () => {
    const observer = otelObserver();
    const exporter = new MemorySpanExporter();
    const otel = await startOtel({ serviceName: "late", exporter });
    started.push(otel);
    observer.startSpan({ name: "x", kind: "internal" }).end();
    expect(exporter.spans()).toMatchObject([{ name: "x", service: "late" }]);
    await otel.shutdown();
    expect(trace.getTracer("t").startSpan("y").isRecording()).toBe(false);
    expect(metrics.getMeterProvider()).not.toBe(otel.meterProvider);
  });
});

function headers(traceparent: string, more: Record<string, string> = {}): HeaderReader {
  const all: Record<string, string> = { traceparent, ...more };
  return (name) => all[name];
}
