import { GanglionError } from "./errors.js";

/**
 * Ends a `switch` over a union: a member that is not handled fails to compile, and at run time throws.
 *
 * @throws GanglionError `UNREACHABLE` when a value outside the union arrives.
 */
export function assertNever(value: never, what = "value"): never {
  throw new GanglionError("UNREACHABLE", `Unexpected ${what}: ${JSON.stringify(value)}`);
}
