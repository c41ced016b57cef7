export { OTEL_ERRORS, type OtelErrorCode } from "./errors.js";
export { MemorySpanExporter, type MemorySpanExporterOptions } from "./memory-span-exporter.js";
export type { StartOtelOptions } from "./options.js";
export { type OtelObserverOptions, otelObserver } from "./otel-observer.js";
export type { PrometheusOptions } from "./prometheus-endpoint.js";
export type { RecordedSpan } from "./recorded-span.js";
export { formatSpanTree } from "./span-tree.js";
export { type Otel, startOtel } from "./start-otel.js";
