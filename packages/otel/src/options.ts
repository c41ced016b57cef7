import { type Duration, durationMs, type Logger, silentLogger } from "@ganglion/kernel";
import type { MetricReader } from "@opentelemetry/sdk-metrics";
import type { Sampler, SpanExporter } from "@opentelemetry/sdk-trace-node";
import { otelError } from "./errors.js";
import type { PrometheusOptions } from "./prometheus-endpoint.js";

/** Options of {@link startOtel}. What is not given is read from the standard `OTEL_*` variables. */
export interface StartOtelOptions {
  /** `service.name` of everything this process reports. */
  readonly serviceName: string;
  /** `service.version`. */
  readonly serviceVersion?: string;
  /** Further attributes of the resource, such as `deployment.environment.name`. @default {} */
  readonly resource?: Readonly<Record<string, string>>;
  /**
   * Base address of an OTLP/HTTP collector, such as `http://localhost:4318`; `/v1/traces` and `/v1/metrics`
   * are appended. @default with no `exporter`: `OTEL_EXPORTER_OTLP_ENDPOINT`, else `http://localhost:4318`
   */
  readonly otlpUrl?: string;
  /** Where spans go beside `otlpUrl`, or instead of it when that is not given. */
  readonly exporter?: SpanExporter;
  /**
   * The share of new traces to record, 0 to 1, or a sampler. A caller's decision is respected with a share.
   * @default `OTEL_TRACES_SAMPLER`, else 1
   */
  readonly sampler?: number | Sampler;
  /** Serves measurements for Prometheus to scrape. @default not served */
  readonly prometheus?: PrometheusOptions;
  /** Further readers of measurements. @default [] */
  readonly metricReaders?: readonly MetricReader[];
  /** How often measurements are sent to `otlpUrl`. @default "30s" */
  readonly metricInterval?: Duration;
  /** Longest time one export may take; it bounds `flush` and `shutdown` too. @default "5s" */
  readonly exportTimeout?: Duration;
  /** Whether to register the providers for the whole process, once. @default true */
  readonly global?: boolean;
  /** Told when an export fails. @default silentLogger */
  readonly logger?: Logger;
}

/** {@link StartOtelOptions} checked, with defaults. */
export interface ResolvedOtelOptions {
  readonly serviceName: string;
  readonly serviceVersion: string | undefined;
  readonly resource: Readonly<Record<string, string>>;
  readonly otlp: boolean;
  readonly otlpUrl: string | undefined;
  readonly exporter: SpanExporter | undefined;
  readonly sampler: number | Sampler | undefined;
  readonly prometheus: PrometheusOptions | undefined;
  readonly metricReaders: readonly MetricReader[];
  readonly metricIntervalMs: number;
  readonly exportTimeoutMs: number;
  readonly global: boolean;
  readonly logger: Logger;
}

const KEYS: Readonly<Record<keyof StartOtelOptions, true>> = {
  serviceName: true,
  serviceVersion: true,
  resource: true,
  otlpUrl: true,
  exporter: true,
  sampler: true,
  prometheus: true,
  metricReaders: true,
  metricInterval: true,
  exportTimeout: true,
  global: true,
  logger: true,
};

/** @throws GanglionError `INVALID_OTEL_OPTIONS`, naming every fault. */
export function resolveOtelOptions(options: StartOtelOptions): ResolvedOtelOptions {
  const faults: string[] = [];
  for (const key of Object.keys(options)) if (!(key in KEYS)) faults.push(`unknown option "${key}"`);
  if (typeof options.serviceName !== "string" || options.serviceName.trim() === "") {
    faults.push("serviceName must be a name that is not empty");
  }
  if (options.otlpUrl !== undefined && !isHttpUrl(options.otlpUrl)) {
    faults.push(`otlpUrl ${JSON.stringify(options.otlpUrl)} must be an http or https address`);
  }
  if (typeof options.sampler === "number" && !(options.sampler >= 0 && options.sampler <= 1)) {
    faults.push(`sampler ${options.sampler} must be between 0 and 1`);
  }
  const port = options.prometheus?.port;
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    faults.push(`prometheus.port ${port} must be between 0 and 65535`);
  }
  const milliseconds = (duration: Duration, name: string): number => {
    try {
      return durationMs(duration, name);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
      return 0;
    }
  };
  const metricIntervalMs = milliseconds(options.metricInterval ?? "30s", "metricInterval");
  const exportTimeoutMs = milliseconds(options.exportTimeout ?? "5s", "exportTimeout");
  if (faults.length > 0) {
    throw otelError("INVALID_OTEL_OPTIONS", `Invalid options of startOtel: ${faults.join("; ")}`, {
      details: { faults },
    });
  }
  return Object.freeze({
    serviceName: options.serviceName,
    serviceVersion: options.serviceVersion,
    resource: options.resource ?? {},
    otlp: options.otlpUrl !== undefined || options.exporter === undefined,
    otlpUrl: options.otlpUrl?.replace(/\/+$/, ""),
    exporter: options.exporter,
    sampler: options.sampler,
    prometheus: options.prometheus,
    metricReaders: options.metricReaders ?? [],
    metricIntervalMs,
    exportTimeoutMs,
    global: options.global ?? true,
    logger: options.logger ?? silentLogger,
  });
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
