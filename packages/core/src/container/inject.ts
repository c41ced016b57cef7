import { coreError } from "../errors.js";
import { type Injectable, nameOf } from "./token.js";

/** Who makes an object right now, and so knows its dependencies. */
export interface Resolver {
  get<T>(injectable: Injectable<T>): T;
}

let current: Resolver | undefined;

/**
 * A dependency of the object being made. Works in field initializers and constructors of classes the app makes.
 *
 * @throws GanglionError `NO_INJECTION_HERE`, `UNKNOWN_DEPENDENCY`, `DEPENDENCY_CYCLE`
 * @example private readonly stock = inject(Stock);
 */
export function inject<T>(injectable: Injectable<T>): T {
  if (current !== undefined) return current.get(injectable);
  throw coreError(
    "NO_INJECTION_HERE",
    `inject(${nameOf(injectable)}) works in field initializers and constructors of classes the app makes; elsewhere use app.get or ctx.get`,
  );
}

/** Runs `make` with {@link inject} asking `resolver`. */
export function withResolver<T>(resolver: Resolver, make: () => T): T {
  const previous = current;
  current = resolver;
  try {
    return make();
  } finally {
    current = previous;
  }
}
