import type { Constructor } from "../container/provider.js";
import type { Bound, ContractInfo } from "../contract/contract.js";
import type { AnyEvent, AnyRpc, AnyTask } from "../contract/inference.js";
import type { HandlerOptions } from "../decorators/handler.js";
import type { SubscriberOptions } from "../decorators/subscriber.js";
import type { WorkerOptions } from "../decorators/worker.js";
import type { Middleware } from "../runtime/middleware.js";

interface MethodDefinition {
  /** Name of the method. */
  readonly method: string;
  /** Of class and method, outermost first. */
  readonly middleware: readonly Middleware[];
}

/** A method that answers an rpc. */
export interface HandlerDefinition extends MethodDefinition {
  readonly role: "handler";
  readonly endpoint: AnyRpc & Bound;
  readonly options: HandlerOptions;
}

/** A method that does tasks. */
export interface WorkerDefinition extends MethodDefinition {
  readonly role: "worker";
  readonly endpoint: AnyTask & Bound;
  readonly options: WorkerOptions;
}

/** A method that handles an event. */
export interface SubscriberDefinition extends MethodDefinition {
  readonly role: "subscriber";
  readonly endpoint: AnyEvent & Bound;
  readonly options: SubscriberOptions & { readonly batch?: number };
}

/** A decorated method. */
export type EndpointDefinition = HandlerDefinition | WorkerDefinition | SubscriberDefinition;

/** A service class, collected and checked. */
export interface ServiceDefinition {
  readonly type: Constructor<object>;
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  /** Of the service's contract; made up for a service without one. */
  readonly contract: ContractInfo;
  readonly endpoints: readonly EndpointDefinition[];
}
