import type { AnyContract } from "../contract/contract.js";
import type { AnyEvent, AnyTask, RpcKeys } from "../contract/inference.js";
import { recordService } from "../metadata/record.js";
import type { HandlerShape } from "./handler.js";
import type { ClassDecoratorOf } from "./method-decorator.js";

/** Options of {@link Service} for a contract. */
export interface ServiceOptions<K extends string = string> {
  /** The rpcs this class answers, when another class answers the rest. @default all of the contract */
  readonly only?: readonly K[];
  readonly description?: string;
}

/** Options of {@link Service} without a contract. */
export interface NamedServiceOptions {
  /** Semantic version. @default "0.0.0" */
  readonly version?: string;
  /** Events and tasks the service sends; their stream is the service's. */
  readonly sends?: readonly (AnyEvent | AnyTask)[];
  readonly description?: string;
}

/**
 * Declares a service: of a contract, whose rpcs the class must all have a method for, or of a name, with the
 * endpoints its decorated methods bring.
 *
 * @example @Service(Orders) class OrdersService { … }
 * @example @Service("pricing") class Pricing { @Handler(Quote) async quote(…) { … } }
 */
export function Service<C extends AnyContract, K extends RpcKeys<C> = RpcKeys<C>>(
  contract: C,
  options?: ServiceOptions<K>,
): ClassDecoratorOf<{ [P in K]: HandlerShape<C[P]> }>;
export function Service(name: string, options?: NamedServiceOptions): ClassDecoratorOf<object>;
export function Service(
  what: AnyContract | string,
  options: ServiceOptions & NamedServiceOptions = {},
): ClassDecoratorOf<object> {
  return (type) => recordService(type, { what, options });
}
