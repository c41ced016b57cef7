import { GanglionError } from "@ganglion/kernel";
import { type ApiError, apiError, type JetStreamErrorName } from "@ganglion/protocol";

/** A request JetStream refuses; its response carries {@link ApiFault.apiError}. */
export class ApiFault extends GanglionError<"JETSTREAM_API_ERROR"> {
  constructor(readonly apiError: ApiError) {
    super("JETSTREAM_API_ERROR", apiError.description, { details: { ...apiError } });
  }
}

/** Creates an {@link ApiFault} by the name of its error. */
export function apiFault(
  name: JetStreamErrorName,
  values?: Readonly<Record<string, string | number>>,
): ApiFault {
  return new ApiFault(apiError(name, values));
}

/** A stream configuration that can not be taken, with the reason in nats-server's words. */
export function invalidStreamConfig(reason: string): ApiFault {
  return apiFault("StreamInvalidConfig", { err: reason });
}

/** What to answer for whatever was thrown: the fault's own error, or `fallback` with the message. */
export function apiErrorOf(error: unknown, fallback: JetStreamErrorName): ApiError {
  if (error instanceof ApiFault) return error.apiError;
  return apiError(fallback, { err: error instanceof Error ? error.message : String(error) });
}
