import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/** Every error code of this package, with what it means. */
export const OTEL_ERRORS = {
  INVALID_OTEL_OPTIONS: "An option of startOtel is outside what is allowed; every fault is listed.",
  METRICS_LISTEN_FAILED: "The address for Prometheus to scrape cannot be listened on.",
  TELEMETRY_EXPORT_FAILED: "Spans or measurements could not be handed to the collector; they may be lost.",
} as const;

/** A code of {@link OTEL_ERRORS}. */
export type OtelErrorCode = keyof typeof OTEL_ERRORS;

/** Creates an error of this package. */
export function otelError(
  code: OtelErrorCode,
  message: string,
  options?: GanglionErrorOptions,
): GanglionError<OtelErrorCode> {
  return new GanglionError(code, message, options);
}
