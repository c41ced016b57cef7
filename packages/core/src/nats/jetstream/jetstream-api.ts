import type { GanglionError } from "@ganglion/kernel";
import { isGanglionError } from "@ganglion/kernel";
import { API_PREFIX, type ApiError, domainApiPrefix, JETSTREAM_ERRORS } from "@ganglion/protocol";
import { coreError } from "../../errors.js";
import type { Transport } from "../../transport/transport.js";

/** Time the server has for one management request. */
const API_TIMEOUT_MS = 5_000;

const [WRONG_LAST_SEQUENCE] = JETSTREAM_ERRORS.StreamWrongLastSequence;
const [STREAM_NOT_FOUND] = JETSTREAM_ERRORS.StreamNotFound;
const [CONSUMER_NOT_FOUND] = JETSTREAM_ERRORS.ConsumerNotFound;
const [STREAM_NOT_MATCH] = JETSTREAM_ERRORS.StreamNotMatch;
const [NOT_ENABLED_FOR_ACCOUNT] = JETSTREAM_ERRORS.NotEnabledForAccount;
const [NOT_ENABLED] = JETSTREAM_ERRORS.NotEnabled;

/** Requests to the JetStream API. */
export class JetStreamApi {
  readonly prefix: string;

  constructor(
    readonly transport: Transport,
    domain: string | undefined,
  ) {
    this.prefix = domain === undefined ? API_PREFIX : domainApiPrefix(domain);
  }

  /**
   * @param verb - subject behind the prefix.
   * @throws GanglionError `JETSTREAM_UNAVAILABLE`, `NO_STREAM`, `NO_CONSUMER`, `JETSTREAM_ERROR`, `TIMEOUT`
   */
  async request<T>(verb: string, body?: unknown): Promise<T> {
    try {
      const reply = await this.transport.request(
        this.prefix + verb,
        body === undefined ? "" : JSON.stringify(body),
        { timeoutMs: API_TIMEOUT_MS },
      );
      const response = JSON.parse(reply.text()) as T & { readonly error?: ApiError };
      if (response.error !== undefined) throw apiError(response.error, verb);
      return response;
    } catch (error) {
      if (!isGanglionError(error, "NO_RESPONDERS")) throw error;
      throw coreError("JETSTREAM_UNAVAILABLE", "The server has no JetStream, or the account may not use it", {
        cause: error,
      });
    }
  }

  /** The same, with undefined for what does not exist. `missing` is the code that says so. */
  async find<T>(missing: "NO_STREAM" | "NO_CONSUMER", verb: string, body?: unknown): Promise<T | undefined> {
    try {
      return await this.request<T>(verb, body);
    } catch (error) {
      if (isGanglionError(error, missing)) return undefined;
      throw error;
    }
  }
}

/** An error of the JetStream API in our terms. @param what - what was asked for. */
export function apiError(error: ApiError, what: string): GanglionError {
  const details = { errorCode: error.err_code, status: error.code, request: what };
  const message = `JetStream refused ${what}: ${error.description}`;
  switch (error.err_code) {
    case WRONG_LAST_SEQUENCE: {
      const actual = /: (\d+)$/.exec(error.description)?.[1];
      return coreError("WRONG_LAST_SEQUENCE", message, {
        details: { ...details, ...(actual !== undefined && { actualSequence: Number(actual) }) },
      });
    }
    case STREAM_NOT_FOUND:
      return coreError("NO_STREAM", message, { details });
    case CONSUMER_NOT_FOUND:
      return coreError("NO_CONSUMER", message, { details });
    case STREAM_NOT_MATCH:
      return coreError("STREAM_MISMATCH", message, { details });
    case NOT_ENABLED:
    case NOT_ENABLED_FOR_ACCOUNT:
      return coreError("JETSTREAM_UNAVAILABLE", message, { details });
    default:
      return coreError("JETSTREAM_ERROR", message, { details, retryable: error.code >= 500 });
  }
}

/** The JetStream error code of an error, undefined when it is none. */
export function jetstreamErrorCode(error: unknown): number | undefined {
  return isGanglionError(error, "JETSTREAM_ERROR") ? (error.details.errorCode as number) : undefined;
}
