import { JETSTREAM_ERRORS, type JetStreamErrorName } from "./error-codes.js";

/** The `error` field of a JetStream response. */
export interface ApiError {
  /** HTTP-like status. */
  readonly code: number;
  /** JetStream error code, 10002 and up. */
  readonly err_code: number;
  readonly description: string;
}

/**
 * Builds the wire form of a JetStream error.
 *
 * @param values - replace the description's placeholders; a placeholder without a value is dropped, with
 *   the colon before it.
 * @example apiError("StreamWrongLastSequence", { seq: 7 }) // description "wrong last sequence: 7"
 */
export function apiError(
  name: JetStreamErrorName,
  values: Readonly<Record<string, string | number>> = {},
): ApiError {
  const [code, status, template] = JETSTREAM_ERRORS[name];
  const description = template.replace(
    /(: )?\{(\w+)\}/g,
    (_match, colon: string | undefined, key: string) => {
      const value = values[key];
      return value === undefined ? "" : `${colon ?? ""}${value}`;
    },
  );
  return { code: status, err_code: code, description };
}
