import { isFailure, type Operation, type Policy } from "./policy.js";

/** Options of {@link fallback}. */
export interface FallbackOptions {
  /** Which errors it stands in for. @default errors the endpoint does not declare and the caller is not to blame for */
  readonly when?: (error: unknown, operation: Operation) => boolean;
}

/**
 * Gives a value where an operation fails. Put it before (outside of) the policies whose failures it stands in for.
 *
 * @param value - makes the value; it must fit the endpoint's output. What it throws is the new failure.
 * @example app.client(Prices, { use: [fallback(() => ({ price: 0 })), retry()] })
 */
export function fallback(
  value: (error: unknown, operation: Operation) => unknown,
  { when = isFailure }: FallbackOptions = {},
): Policy {
  return async (operation, next) => {
    try {
      return await next();
    } catch (error) {
      if (!when(error, operation)) throw error;
      return value(error, operation);
    }
  };
}
