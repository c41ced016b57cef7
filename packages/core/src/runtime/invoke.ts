import type { Method } from "../decorators/method-decorator.js";
import type { EndpointDefinition } from "../metadata/definitions.js";
import { runAround } from "../policies/run.js";
import type { Delivery } from "./middleware.js";
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
  const facts = {
    kind: KINDS[definition.role],
    service: definition.endpoint.service,
    method: definition.method,
    // Events and tasks are delivered again until they are dealt with, so their methods must stand it.
    idempotent: definition.role !== "handler" || definition.endpoint.idempotent,
  } as const;
  return (input, ctx) => {
    const delivery: Delivery = {
      ...facts,
      input,
      ctx,
      clock: runtime.clock,
      // A signal costs something: it is made for those who look at it.
      get signal() {
        return ctx.signal;
      },
      remainingMs: () => ctx.remainingMs(),
    };
    return runAround(chain, delivery, () => direct(input, ctx));
  };
}

/** Whether a method's result has to be waited for. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}
