import type { Method } from "../decorators/method-decorator.js";
import type { EndpointDefinition } from "../metadata/definitions.js";
import type { Delivery, Middleware } from "./middleware.js";
import type { Runtime } from "./runtime.js";
import type { WorkContext } from "./work-context.js";

/** Calls a method with its input and context, through the middleware around it. */
export type Invoke = (input: unknown, ctx: WorkContext) => unknown;

const KINDS = { handler: "rpc", worker: "task", subscriber: "event" } as const;

/** The way to call one decorated method of an instance. */
export function invoker(runtime: Runtime, definition: EndpointDefinition, instance: object): Invoke {
  const method = (instance as Readonly<Record<string, Method>>)[definition.method] as Method; // collected from its class
  const direct: Invoke = (input, ctx) => method.call(instance, input, ctx);
  const chain = [...runtime.middleware, ...definition.middleware];
  if (chain.length === 0) return direct;
  const { service } = definition.endpoint;
  return (input, ctx) => {
    const delivery: Delivery = {
      kind: KINDS[definition.role],
      service,
      method: definition.method,
      input,
      ctx,
    };
    return run(chain, delivery, () => direct(input, ctx));
  };
}

async function run(
  chain: readonly Middleware[],
  delivery: Delivery,
  method: () => unknown,
): Promise<unknown> {
  const step = async (index: number): Promise<unknown> => {
    const middleware = chain[index];
    return middleware === undefined ? method() : middleware(delivery, () => step(index + 1));
  };
  return step(0);
}

/** Whether a method's result has to be waited for. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}
