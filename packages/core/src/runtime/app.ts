import type { Clock, Duration, Logger, NatsSource, Observer } from "@ganglion/kernel";
import type { ClassClient, ClientOptions, ContractClient } from "../client/call.js";
import type { ComponentClass } from "../component/component.js";
import type { Provider } from "../container/provider.js";
import type { Injectable } from "../container/token.js";
import type { AnyContract } from "../contract/contract.js";
import type { DeadLetters } from "../delivery/dead-letters.js";
import type { Discovery } from "../discovery/discovery.js";
import type { Effects } from "../messages/context.js";
import type { NatsOptions } from "../nats/nats-options.js";
import type { ObjectStore, ObjectStoreOptions } from "../objects/object-store.js";
import type { ManageMode } from "../topology/apply.js";
import type { StreamDefaults } from "../topology/derive.js";
import type { PlannedChange } from "../topology/plan.js";
import type { Transport } from "../transport/transport.js";
import type { TransportSource } from "../transport/transport-source.js";
import type { Guarantees } from "./guarantees.js";
import type { Middleware } from "./middleware.js";

/** Options of {@link createApp}. */
export interface AppOptions {
  /** @default the name of the first service, or "app" */
  readonly name?: string;
  /** Classes with `@Service`, and those of packages above core, such as `@Saga` and `@Projection`. @default none */
  readonly services?: readonly ComponentClass[];
  /**
   * Where NATS is: addresses, options, a source such as `embedded()`, or a connection of the `nats` client
   * (`natsClient(connection)`).
   *
   * @default the environment variable `NATS_URL`, or nats://127.0.0.1:4222
   */
  readonly nats?: string | readonly string[] | NatsOptions | NatsSource | TransportSource;
  /** A connection made elsewhere, instead of `nats`. The app does not close it. */
  readonly transport?: Transport;
  /** What `inject()` can ask for. */
  readonly providers?: readonly Provider[];
  /** Traces and measurements. @default none */
  readonly observer?: Observer;
  /** @default JSON lines on standard output, of the level in `GANGLION_LOG_LEVEL` or "info" */
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** What the app does about streams and consumers. @default `GANGLION_MANAGE`, or "create" */
  readonly manage?: ManageMode;
  /** What holds for every stream it creates, unless a contract says otherwise. */
  readonly streams?: StreamDefaults;
  /** Time `stop()` gives running work. @default 25 s, which fits into the 30 s an orchestrator waits */
  readonly stopTimeout?: Duration;
  /** Stops the app at SIGTERM and SIGINT, and ends the process with the outcome. @default false */
  readonly handleSignals?: boolean;
}

/** Whether an app can do its work. */
export interface Health {
  /** The process works: it need not be restarted. */
  readonly live: boolean;
  /** Connected, and every consumer gets its messages. */
  readonly ready: boolean;
  /** Why it is not ready, in plain words. */
  readonly problems: readonly string[];
}

/**
 * A Ganglion application. Packages above core add properties to this interface, see `registerAppExtension` in
 * `@ganglion/core/internal`.
 */
export interface App extends Effects, AsyncDisposable {
  readonly name: string;
  /** Adds middleware around every message, outermost first. Only before `start`. */
  use(...middleware: readonly Middleware[]): this;
  /**
   * Connects, creates what is missing and takes work.
   *
   * @throws GanglionError `CONNECTION_FAILED`, `TOPOLOGY_MISMATCH`, `JETSTREAM_UNAVAILABLE`
   */
  start(): Promise<void>;
  /**
   * Stops in order: no new work, running work up to the budget, the rest is given back, hooks, connection.
   * Idempotent.
   */
  stop(): Promise<void>;
  /** A client of a contract. */
  client<C extends AnyContract>(contract: C, options?: ClientOptions): ContractClient<C>;
  /** A client of a service class, with its schemas. */
  client<T extends object>(type: new (...args: never[]) => T, options?: ClientOptions): ClassClient<T>;
  /**
   * A client of a service class that runs elsewhere, by the service's name. Without the class there are no schemas
   * here: the service checks the input, and values come as the wire carries them.
   */
  client<T extends object>(service: string, options?: ClientOptions): ClassClient<T>;
  /**
   * Large objects, such as bodies that are larger than the broker's `max_payload`. The bucket is created at the first
   * `put`. Needs a started app.
   */
  objects(bucket: string, options?: ObjectStoreOptions): ObjectStore;
  /** The running instances of a service, or of all. Needs a started app. */
  discover(what?: AnyContract | string): Discovery;
  /** The dead letters of a service, which need not run here. Needs a started app. */
  deadLetters(service: string): DeadLetters;
  /** A dependency. */
  get<T>(injectable: Injectable<T>): T;
  /** What `start` would do to streams and consumers. Needs a started app. */
  plan(): Promise<readonly PlannedChange[]>;
  /** What the server can be trusted with. Needs a started app. */
  guarantees(): Guarantees;
  health(): Health;
}
