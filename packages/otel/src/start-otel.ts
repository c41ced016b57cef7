import type { Observer } from "@ganglion/kernel";
import { metrics, propagation, trace } from "@opentelemetry/api";
import type { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { otelError } from "./errors.js";
import { type ResolvedOtelOptions, resolveOtelOptions, type StartOtelOptions } from "./options.js";
import { otelObserver, w3cPropagator } from "./otel-observer.js";
import { startPrometheus } from "./prometheus-endpoint.js";
import { createProviders } from "./providers.js";

/** A running OpenTelemetry SDK. */
export interface Otel extends AsyncDisposable {
  /** Give it to `createApp({ observer })`. */
  readonly observer: Observer;
  readonly tracerProvider: NodeTracerProvider;
  readonly meterProvider: MeterProvider;
  /** Where measurements are served, such as `http://127.0.0.1:9464/metrics`. `undefined` when they are not. */
  readonly prometheusUrl: string | undefined;
  /**
   * Sends what has been recorded so far.
   *
   * @throws GanglionError `TELEMETRY_EXPORT_FAILED` when the collector did not take it.
   */
  flush(): Promise<void>;
  /**
   * Sends what is left and stops. Idempotent. It does not throw, because an application that stops must not
   * fail over its telemetry: the logger is told instead.
   */
  shutdown(): Promise<void>;
}

/**
 * Starts the OpenTelemetry SDK: spans and measurements of this process go to an OTLP/HTTP collector such as
 * Jaeger or the OpenTelemetry Collector, or to an exporter of your own. The SDK is loaded by this call, so a
 * process that never calls it does not pay for it.
 *
 * @throws GanglionError `INVALID_OTEL_OPTIONS`, `METRICS_LISTEN_FAILED`.
 * @example
 * const otel = await startOtel({ serviceName: "orders", otlpUrl: "http://localhost:4318" });
 * const app = await createApp({ services: [OrdersService], observer: otel.observer });
 * // …
 * await otel.shutdown();
 */
export async function startOtel(options: StartOtelOptions): Promise<Otel> {
  const resolved = resolveOtelOptions(options);
  const prometheus = resolved.prometheus && (await startPrometheus(resolved.prometheus));
  const readers = [...resolved.metricReaders, ...(prometheus === undefined ? [] : [prometheus.reader])];
  const providers = await createProviders(resolved, readers);
  const { tracerProvider, meterProvider, failures } = providers;
  const observer = otelObserver({ tracerProvider, meterProvider });
  const unregister = resolved.global ? registerGlobally(tracerProvider, meterProvider) : () => {};
  let stopped: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    const countBefore = failures.count;
    const results = await Promise.allSettled([tracerProvider.forceFlush(), meterProvider.forceFlush()]);
    const rejected = results.find((result) => result.status === "rejected");
    if (rejected !== undefined || failures.count > countBefore) {
      throw otelError("TELEMETRY_EXPORT_FAILED", `Telemetry of ${resolved.serviceName} was not exported`, {
        retryable: true,
        cause: failures.count > countBefore ? failures.last : rejected?.reason,
      });
    }
  };
  const stop = async (): Promise<void> => {
    unregister();
    await prometheus?.close();
    const results = await Promise.allSettled([tracerProvider.shutdown(), meterProvider.shutdown()]);
    reportRejections(results, resolved);
  };
  const shutdown = (): Promise<void> => (stopped ??= stop());
  return {
    observer,
    tracerProvider,
    meterProvider,
    prometheusUrl: prometheus?.url,
    flush,
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}

function reportRejections(
  results: readonly PromiseSettledResult<void>[],
  options: ResolvedOtelOptions,
): void {
  for (const result of results) {
    if (result.status === "rejected") {
      options.logger.warn("the last telemetry may be lost", {
        service: options.serviceName,
        error: result.reason,
      });
    }
  }
}

/** @returns takes back what was registered; what somebody else had registered before stays. */
function registerGlobally(tracerProvider: NodeTracerProvider, meterProvider: MeterProvider): () => void {
  const registered = [
    trace.setGlobalTracerProvider(tracerProvider) && (() => trace.disable()),
    metrics.setGlobalMeterProvider(meterProvider) && (() => metrics.disable()),
    propagation.setGlobalPropagator(w3cPropagator()) && (() => propagation.disable()),
  ];
  return () => {
    for (const undo of registered) if (undo !== false) undo();
  };
}
