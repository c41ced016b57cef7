import "reflect-metadata";
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

/**
 * What the decorators keep, under keys of `reflect-metadata`, so that it is found again also when two copies of this
 * package are loaded. Methods are recorded by the function itself: standard decorators do not know their class, and
 * this way records follow inheritance and overriding without further rules.
 */
const KEY = {
  endpoints: "ganglion:endpoints",
  service: "ganglion:service",
  middleware: "ganglion:middleware",
  parameters: "ganglion:parameters",
} as const;

/** Metadata of `target` itself, without its prototypes. The type is that of what was recorded under `key`. */
function recorded<T>(key: string, target: object): T | undefined {
  return Reflect.getOwnMetadata(key, target) as T | undefined;
}

/** Records an endpoint of a method. One method may have several. */
export function recordEndpoint({ method }: { readonly method: Method }, record: EndpointRecord): void {
  // Decorators run from the bottom up: keep the order they are written in.
  Reflect.defineMetadata(KEY.endpoints, [record, ...endpointsOf(method)], method);
}

/** Records that a class is a service. */
export function recordService(type: AnyClass, record: ServiceRecord): void {
  Reflect.defineMetadata(KEY.service, record, type);
}

/** Records middleware of a class or method, outermost first. */
export function recordMiddleware(target: AnyClass | Method, added: readonly Middleware[]): void {
  Reflect.defineMetadata(KEY.middleware, [...added, ...middlewareOf(target)], target);
}

/** Records what a constructor parameter gets. */
export function recordParameter(type: object, index: number, injectable: Injectable<unknown>): void {
  Reflect.defineMetadata(KEY.parameters, new Map(parametersOf(type)).set(index, injectable), type);
}

/** What the parameters of a class' constructor get, by index. */
export function parametersOf(type: object): ReadonlyMap<number, Injectable<unknown>> {
  return recorded<ReadonlyMap<number, Injectable<unknown>>>(KEY.parameters, type) ?? NO_PARAMETERS;
}

const NO_PARAMETERS: ReadonlyMap<number, Injectable<unknown>> = new Map();

/** What was recorded for a method, in the order written. */
export function endpointsOf(method: Method): readonly EndpointRecord[] {
  return recorded<readonly EndpointRecord[]>(KEY.endpoints, method) ?? [];
}

/** What was recorded for a class itself, without its base classes. */
export function serviceRecordOf(type: AnyClass): ServiceRecord | undefined {
  return recorded<ServiceRecord>(KEY.service, type);
}

/** Middleware of a class or method, outermost first. */
export function middlewareOf(target: AnyClass | Method): readonly Middleware[] {
  return recorded<readonly Middleware[]>(KEY.middleware, target) ?? [];
}
