import type { Injectable } from "../container/token.js";
import type { AnyContract } from "../contract/contract.js";
import type { AnyEvent, AnyRpc, AnyTask } from "../contract/inference.js";
import type { HandlerOptions } from "../decorators/handler.js";
import type { Method } from "../decorators/method-decorator.js";
import type { NamedServiceOptions, ServiceOptions } from "../decorators/service.js";
import type { SubscriberOptions } from "../decorators/subscriber.js";
import type { WorkerOptions } from "../decorators/worker.js";
import type { Middleware } from "../runtime/middleware.js";

/** What a method decorator said. */
export type EndpointRecord =
  | { readonly role: "handler"; readonly spec: AnyRpc; readonly options: HandlerOptions }
  | { readonly role: "worker"; readonly spec: AnyTask; readonly options: WorkerOptions }
  | {
      readonly role: "subscriber";
      readonly spec: AnyEvent;
      readonly options: SubscriberOptions & { readonly batch?: number };
    };

/** What {@link Service} said. */
export interface ServiceRecord {
  readonly what: AnyContract | string;
  readonly options: ServiceOptions & NamedServiceOptions;
}

/** A class, in the decorators' sense. */
export type AnyClass = abstract new (...args: never[]) => unknown;

// Methods are recorded by the function itself: standard decorators do not know their class, and this way records
// follow inheritance and overriding without further rules.
const endpoints = new WeakMap<Method, EndpointRecord[]>();
const services = new WeakMap<AnyClass, ServiceRecord>();
const middlewares = new WeakMap<object, Middleware[]>();
const parameters = new WeakMap<object, Map<number, Injectable<unknown>>>();

/** Records an endpoint of a method. One method may have several. */
export function recordEndpoint({ method }: { readonly method: Method }, record: EndpointRecord): void {
  const present = endpoints.get(method);
  if (present === undefined) endpoints.set(method, [record]);
  else present.unshift(record); // decorators run from the bottom up: keep the order they are written in
}

/** Records that a class is a service. */
export function recordService(type: AnyClass, record: ServiceRecord): void {
  services.set(type, record);
}

/** Records middleware of a class or method, outermost first. */
export function recordMiddleware(target: AnyClass | Method, added: readonly Middleware[]): void {
  middlewares.set(target, [...added, ...(middlewares.get(target) ?? [])]);
}

/** Records what a constructor parameter gets. */
export function recordParameter(type: object, index: number, injectable: Injectable<unknown>): void {
  const present = parameters.get(type) ?? new Map<number, Injectable<unknown>>();
  parameters.set(type, present.set(index, injectable));
}

/** What the parameters of a class' constructor get, by index. */
export function parametersOf(type: object): ReadonlyMap<number, Injectable<unknown>> {
  return parameters.get(type) ?? NO_PARAMETERS;
}

const NO_PARAMETERS: ReadonlyMap<number, Injectable<unknown>> = new Map();

/** What was recorded for a method, in the order written. */
export function endpointsOf(method: Method): readonly EndpointRecord[] {
  return endpoints.get(method) ?? [];
}

/** What was recorded for a class itself, without its base classes. */
export function serviceRecordOf(type: AnyClass): ServiceRecord | undefined {
  return services.get(type);
}

/** Middleware of a class or method, outermost first. */
export function middlewareOf(target: AnyClass | Method): readonly Middleware[] {
  return middlewares.get(target) ?? [];
}
