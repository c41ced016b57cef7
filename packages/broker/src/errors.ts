import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/** Every code this package throws, with what it means. */
export const BROKER_ERRORS = {
  BROKER_THREAD_FAILED: "The thread a broker runs in has ended, or cannot do what is asked.",
  CONFIG_UNREADABLE: "The configuration file of the broker cannot be read.",
  INVALID_CONFIG:
    "A configuration file breaks the grammar, or holds unknown keys or wrong values; `details.faults` lists them.",
  INVALID_BROKER_OPTIONS: "Options of a broker cannot be used; `details.faults` lists why.",
  JETSTREAM_API_ERROR: "JetStream refuses a request; `details` is the error of its response.",
  ACCOUNT_UNRESOLVED:
    "The JWT of an account cannot be fetched, kept or deleted; retryable when its server did not answer.",
  INVALID_JWT: "A JWT cannot be decoded, or is not signed by its issuer; `details.reason` says why.",
  INVALID_MONITORING_REQUEST:
    "A monitoring endpoint was asked with a wrong parameter; over HTTP it answers 400.",
  INVALID_FLAGS: "The command line of the broker cannot be used.",
  RELOAD_REFUSED:
    "A running broker cannot take over changed options; `details.refused` says why. Nothing was changed.",
  STORE_IN_USE: "Another process uses the store directory and serves no broker that could be joined.",
  TLS_UNUSABLE: "The certificates, keys or other settings of a tls block cannot be used.",
  TLS_HANDSHAKE_FAILED:
    "A client's certificate is not one of the pinned ones. It is logged and not thrown to the application.",
  LISTEN_FAILED: "The broker cannot listen on its address; retryable when the address is in use.",
} as const satisfies Readonly<Record<string, string>>;

/** A code of {@link BROKER_ERRORS}. */
export type BrokerErrorCode = keyof typeof BROKER_ERRORS;

/** Creates an error of this package. */
export function brokerError(
  code: BrokerErrorCode,
  message: string,
  options?: GanglionErrorOptions,
): GanglionError<BrokerErrorCode> {
  return new GanglionError(code, message, options);
}
