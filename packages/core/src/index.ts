export {
  type AsyncApiDocument,
  type AsyncApiOptions,
  type AsyncApiServer,
  asyncApi,
  jsonSchemaOf,
} from "./asyncapi/asyncapi.js";
export * from "./client/call.js";
export { inject } from "./container/inject.js";
export { factory, type Provider, type Scope } from "./container/provider.js";
export { type Injectable, type Token, token } from "./container/token.js";
export * from "./contract/contract.js";
export * from "./contract/inference.js";
export * from "./contract/spec.js";
export type { SubjectParams } from "./contract/subject-template.js";
export type { DeliveryLimits, DurableOptions, RetryOptions } from "./decorators/delivery-options.js";
export { Handler, type HandlerOptions } from "./decorators/handler.js";
export { Inject } from "./decorators/inject.js";
export { type NamedServiceOptions, Service, type ServiceOptions } from "./decorators/service.js";
export { type SubscribeFrom, Subscriber, type SubscriberOptions } from "./decorators/subscriber.js";
export { Use } from "./decorators/use.js";
export { Worker, type WorkerOptions } from "./decorators/worker.js";
export type { Backoff } from "./delivery/backoff.js";
export {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterListOptions,
  DeadLetters,
} from "./delivery/dead-letters.js";
export {
  Discovery,
  type EndpointCounts,
  type InstanceChange,
  type ListInstancesOptions,
  type ServiceInstance,
  type WatchInstancesOptions,
} from "./discovery/discovery.js";
export { CORE_ERRORS, type CoreErrorCode } from "./errors.js";
export { type HealthServer, type HealthServerOptions, serveHealth } from "./health/health-server.js";
export * from "./messages/context.js";
export { DEAD_LETTER } from "./messages/header-names.js";
export { ServiceError } from "./messages/service-error.js";
export type { Authentication } from "./nats/authentication.js";
export { type NatsClientOptions, natsClient } from "./nats/nats-client.js";
export type { NatsOptions, TlsOptions } from "./nats/nats-options.js";
export { type ObjectInfo, type ObjectRef, objectRef } from "./objects/object-info.js";
export {
  type ObjectData,
  ObjectStore,
  type ObjectStoreOptions,
  type PutOptions,
  type ReadObject,
} from "./objects/object-store.js";
export { type CacheOptions, cache } from "./policies/cache.js";
export {
  type CircuitBreakerOptions,
  type CircuitState,
  circuitBreaker,
} from "./policies/circuit-breaker.js";
export { type ConcurrencyLimitOptions, concurrencyLimit } from "./policies/concurrency-limit.js";
export { type FallbackOptions, fallback } from "./policies/fallback.js";
export { type NextLimits, type Operation, type Policy, PolicyError } from "./policies/policy.js";
export { type RateLimitOptions, rateLimit } from "./policies/rate-limit.js";
export { type RetryPolicyOptions, retry } from "./policies/retry.js";
export { timeout } from "./policies/timeout.js";
export * from "./runtime/app.js";
export { createApp } from "./runtime/create-app.js";
export type { Guarantees } from "./runtime/guarantees.js";
export type { Delivery, Middleware } from "./runtime/middleware.js";
export { type LogLevel, pinoLogger } from "./runtime/pino-logger.js";
export type { LifecycleHooks } from "./runtime/service-host.js";
export type { ManageMode } from "./topology/apply.js";
export type { PlannedChange } from "./topology/plan.js";
export type { TransportSource, TransportSurroundings } from "./transport/transport-source.js";
