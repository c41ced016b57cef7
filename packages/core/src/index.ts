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
export { DEAD_LETTER } from "./delivery/dead-letter.js";
export { CORE_ERRORS, type CoreErrorCode } from "./errors.js";
export * from "./messages/context.js";
export { ServiceError } from "./messages/service-error.js";
<<<<<<< HEAD
export { type NatsClientOptions, natsClient } from "./nats/nats-client.js";
=======
export type { Authentication } from "./nats/authentication.js";
export type { NatsOptions, TlsOptions } from "./nats/nats-options.js";
>>>>>>> 9f171e7 (feat(core): runtime: handlers, workers, subscribers, clients, topology)
export * from "./runtime/app.js";
export { createApp } from "./runtime/create-app.js";
export type { Guarantees } from "./runtime/guarantees.js";
export type { Delivery, Middleware } from "./runtime/middleware.js";
<<<<<<< HEAD
export type { TransportSource, TransportSurroundings } from "./transport/transport-source.js";
=======
export { type LogLevel, pinoLogger } from "./runtime/pino-logger.js";
export type { LifecycleHooks } from "./runtime/service-host.js";
export type { ManageMode } from "./topology/apply.js";
export type { PlannedChange } from "./topology/plan.js";
>>>>>>> 9f171e7 (feat(core): runtime: handlers, workers, subscribers, clients, topology)
