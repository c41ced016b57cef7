import type { Injectable } from "../container/token.js";
import { recordParameter } from "../metadata/record.js";

/**
 * Names the dependency a constructor parameter gets. Only for `experimentalDecorators`; standard decorators know no
 * parameters: use a field with `inject()` there.
 *
 * @example constructor(@Inject(Stock) private readonly stock: Stock) {}
 */
export function Inject<T>(
  injectable: Injectable<T>,
): (target: object, key: string | symbol | undefined, index: number) => void {
  return (target, _key, index) => recordParameter(target, index, injectable);
}
