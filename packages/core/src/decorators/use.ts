import { recordMiddleware } from "../metadata/record.js";
import type { Middleware } from "../runtime/middleware.js";
import {
  type ClassDecoratorOf,
  decoratedMethod,
  type Method,
  type MethodDecoratorOf,
} from "./method-decorator.js";

/**
 * Runs middleware around every message of a class or of one method, inside the app's own, outermost first.
 *
 * @example @Use(audit) @Handler(Orders.place) async place(…) { … }
 */
export function Use(
  ...middleware: readonly Middleware[]
): ClassDecoratorOf<object> & MethodDecoratorOf<Method> {
  return (...args: unknown[]) => {
    const [first, second] = args;
    const onClass = typeof first === "function" && (second === undefined || isClassContext(second));
    recordMiddleware(onClass ? (first as never) : decoratedMethod(args).method, middleware); // a class is a function
  };
}

function isClassContext(value: unknown): boolean {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "class";
}
