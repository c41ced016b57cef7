import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import type { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { MemorySpanExporter } from "./memory-span-exporter.js";
import type { ResolvedOtelOptions } from "./options.js";
import { loadSdk, type SdkModules } from "./sdk-modules.js";

/** The two providers of an SDK, and what they could not export. */
export interface Providers {
  readonly tracerProvider: NodeTracerProvider;
  readonly meterProvider: MeterProvider;
  readonly failures: ExportFailures;
}

/** Counts exports the collector did not take; the SDK itself only hands them to a global hook. */
export interface ExportFailures {
  count: number;
  last: unknown;
}

interface Exporter<Batch> {
  export(batch: Batch, done: (result: ExportResult) => void): void;
}

/** Loads the SDK and builds its providers. */
export async function createProviders(
  options: ResolvedOtelOptions,
  readers: readonly MetricReader[],
): Promise<Providers> {
  const { resources, node: traces, metrics } = await loadSdk({ exporting: options.otlp });
  const failures: ExportFailures = { count: 0, last: undefined };
  const otlp = options.otlp ? await createOtlpExporters(options, failures) : undefined;

  const resource = resources
    .defaultResource()
    .merge(
      resources.detectResources({ detectors: [resources.envDetector, resources.serviceInstanceIdDetector] }),
    )
    .merge(
      resources.resourceFromAttributes({
        ...options.resource,
        "service.name": options.serviceName,
        ...(options.serviceVersion === undefined ? {} : { "service.version": options.serviceVersion }),
      }),
    );
  const batched = (exporter: ConstructorParameters<typeof traces.BatchSpanProcessor>[0]) =>
    new traces.BatchSpanProcessor(exporter, { exportTimeoutMillis: options.exportTimeoutMs });
  const ownProcessor =
    options.exporter instanceof MemorySpanExporter
      ? new traces.SimpleSpanProcessor(options.exporter) // readable as soon as a span has ended
      : options.exporter && batched(options.exporter);

  const tracerProvider = new traces.NodeTracerProvider({
    resource,
    spanProcessors: [
      ...(ownProcessor === undefined ? [] : [ownProcessor]),
      ...(otlp === undefined ? [] : [batched(otlp.spans)]),
    ],
    ...samplerOption(options.sampler, traces),
  });
  const meterProvider = new metrics.MeterProvider({
    resource,
    readers: [
      ...readers,
      ...(otlp === undefined
        ? []
        : [
            new metrics.PeriodicExportingMetricReader({
              exporter: otlp.measurements,
              exportIntervalMillis: options.metricIntervalMs,
              exportTimeoutMillis: Math.min(options.exportTimeoutMs, options.metricIntervalMs),
            }),
          ]),
    ],
  });
  return { tracerProvider, meterProvider, failures };
}

function samplerOption(sampler: ResolvedOtelOptions["sampler"], traces: SdkModules["node"]) {
  if (sampler === undefined) return {};
  if (typeof sampler !== "number") return { sampler };
  return { sampler: new traces.ParentBasedSampler({ root: new traces.TraceIdRatioBasedSampler(sampler) }) };
}

async function createOtlpExporters(options: ResolvedOtelOptions, failures: ExportFailures) {
  const [{ OTLPTraceExporter }, { OTLPMetricExporter }] = await Promise.all([
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/exporter-metrics-otlp-http"),
  ]);
  const config = (path: string) => ({
    timeoutMillis: options.exportTimeoutMs,
    ...(options.otlpUrl === undefined ? {} : { url: `${options.otlpUrl}${path}` }),
  });
  return {
    spans: watched("spans", new OTLPTraceExporter(config("/v1/traces")), options, failures),
    measurements: watched("measurements", new OTLPMetricExporter(config("/v1/metrics")), options, failures),
  };
}

/** Makes failed exports of `exporter` (created here, so it may be changed) known to `failures` and the logger. */
// biome-ignore lint/complexity/useMaxParams: four things of one kind each, used twice above
function watched<Batch, E extends Exporter<Batch>>(
  what: string,
  exporter: E & Exporter<Batch>,
  options: ResolvedOtelOptions,
  failures: ExportFailures,
): E {
  const send = exporter.export.bind(exporter);
  exporter.export = (batch: Batch, done: (result: ExportResult) => void) =>
    send(batch, (result) => {
      if (result.code === ExportResultCode.FAILED) {
        failures.count++;
        failures.last = result.error;
        options.logger.warn(`could not export ${what}`, {
          service: options.serviceName,
          error: result.error,
        });
      }
      done(result);
    });
  return exporter;
}
