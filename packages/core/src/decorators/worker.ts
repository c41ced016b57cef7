import type { AnyTask, Awaitable, DataOut } from "../contract/inference.js";
import type { TaskContext } from "../messages/context.js";
import { recordEndpoint } from "../metadata/record.js";
import type { DurableOptions } from "./delivery-options.js";
import { decoratedMethod, type MethodDecoratorOf } from "./method-decorator.js";

/** Options of {@link Worker}. */
export interface WorkerOptions extends DurableOptions {
  /** False: tasks come from a core queue group; those sent while no worker listens are lost. @default true */
  readonly durable?: boolean;
}

/**
 * Does tasks: each is processed by one worker, and again when that fails.
 *
 * @example
 * @Worker(Orders.ship, { concurrency: 8, retry: { attempts: 5, backoff: "exponential(1s, 60s)" } })
 * async ship(task: DataOut<typeof Orders.ship>, ctx: TaskContext) { … }
 */
export function Worker<E extends AnyTask>(
  spec: E,
  options: WorkerOptions = {},
): MethodDecoratorOf<(task: DataOut<E>, ctx: TaskContext<E>) => Awaitable<void>> {
  return ((...args: unknown[]) =>
    recordEndpoint(decoratedMethod(args), { role: "worker", spec, options })) as never; // one function for both overloads
}
