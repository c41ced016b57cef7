import type { Clock, Logger, Observer } from "@ganglion/kernel";
import type { CallOptions, ClientOptions, EmitOptions, Emitted } from "../client/call.js";
import { classClient, contractClient, namedClient } from "../client/client-factory.js";
import { type AnyCallOptions, RpcCaller } from "../client/rpc-caller.js";
import { type AnyEmitOptions, Sender } from "../client/sender.js";
import {
  type ComponentClass,
  type ComponentEntry,
  type ComponentHost,
  type ComponentKind,
  componentOf,
} from "../component/component.js";
import type { Container } from "../container/container.js";
import type { Constructor } from "../container/provider.js";
import type { Injectable } from "../container/token.js";
import { type AnyContract, type Bound, CONTRACT_INFO, contractInfoOf } from "../contract/contract.js";
import type {
  AnyEvent,
  AnySingleRpc,
  AnyTask,
  Ask,
  DataIn,
  Got,
  OptionsWithParams,
} from "../contract/inference.js";
import { DeadLetters } from "../delivery/dead-letters.js";
import { Discovery } from "../discovery/discovery.js";
import { coreError } from "../errors.js";
import type { Effects } from "../messages/context.js";
import { type Collected, collect } from "../metadata/collect.js";
import { ObjectStore, type ObjectStoreOptions } from "../objects/object-store.js";
import { type ManageMode, provideTopology } from "../topology/apply.js";
import { refuseStoredRequests } from "../topology/checks.js";
import { deriveStreams } from "../topology/derive.js";
import { type PlannedChange, planTopology } from "../topology/plan.js";
import type { ResourcePlan } from "../topology/resource.js";
import type { Transport } from "../transport/transport.js";
import type { AppOptions, Health } from "./app.js";
import type { AppInternals } from "./app-internals.js";
import type { Environment } from "./environment.js";
import { auditGuarantees, type Guarantees } from "./guarantees.js";
import type { Middleware } from "./middleware.js";
import { type OpenedNats, openNats } from "./nats-source.js";
import type { Runtime } from "./runtime.js";
import { ServiceHost } from "./service-host.js";
import { onSignals } from "./signals.js";

/** What a {@link RunningApp} is made of. */
export interface AppParts {
  readonly options: AppOptions;
  readonly environment: Environment;
  readonly collected: Collected;
  readonly container: Container;
  readonly name: string;
  readonly instanceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: Observer;
  readonly manage: ManageMode;
  readonly stopTimeoutMs: number;
}

type Phase = "created" | "starting" | "running" | "stopping" | "stopped";

/** An application from its making to its end. */
export class RunningApp implements Effects, AsyncDisposable {
  readonly name: string;
  readonly internals: AppInternals;
  private readonly runtime: Runtime;
  private readonly middleware: Middleware[] = [];
  private readonly stopping = new AbortController();
  private readonly components: ReadonlyMap<ComponentKind, ComponentHost>;
  private services: readonly ServiceHost[] = [];
  private phase: Phase = "created";
  private nats: OpenedNats | undefined;
  private audit: Guarantees | undefined;
  private ended: Promise<void> | undefined;
  private forgetSignals: () => void = () => {};

  constructor(private readonly parts: AppParts) {
    this.name = parts.name;
    this.runtime = this.makeRuntime();
    this.internals = this.makeInternals();
    this.components = this.makeComponents();
  }

  use(...middleware: readonly Middleware[]): this {
    if (this.phase !== "created") {
      throw coreError("NOT_STARTED", "Middleware is added before the app is started");
    }
    this.middleware.push(...middleware);
    return this;
  }

  async start(): Promise<void> {
    if (this.phase !== "created") {
      throw coreError("NOT_STARTED", `The app is ${this.phase}: it is started once`);
    }
    this.phase = "starting";
    try {
      await this.run();
      this.phase = "running";
    } catch (error) {
      await this.stop().catch((failure) =>
        this.parts.logger.error("stopping after a failed start failed", { error: failure }),
      );
      throw error;
    }
  }

  stop(): Promise<void> {
    this.ended ??= this.end();
    return this.ended;
  }

  client(what: AnyContract | string | Constructor<object>, options: ClientOptions = {}): object {
    if (typeof what === "string") return namedClient(this.runtime, what, options);
    if (contractInfoOf(what) !== undefined) return contractClient(this.runtime, what as AnyContract, options);
    const [definition] = collect([what as ComponentClass]).services;
    if (definition === undefined)
      throw coreError("INVALID_SERVICE", "A client needs a service, not another component");
    return classClient(this.runtime, definition, options);
  }

  objects(bucket: string, options?: ObjectStoreOptions): ObjectStore {
    return new ObjectStore(bucket, this.internals, options);
  }

  discover(what?: AnyContract | string): Discovery {
    const service = typeof what === "object" ? what[CONTRACT_INFO].service : what;
    return new Discovery(service, () => this.transport);
  }

  deadLetters(service: string): DeadLetters {
    return new DeadLetters(service, () => this.transport);
  }

  get<T>(injectable: Injectable<T>): T {
    return this.parts.container.get(injectable);
  }

  async plan(): Promise<readonly PlannedChange[]> {
    return planTopology(this.transport.jetstream, this.resources());
  }

  guarantees(): Guarantees {
    if (this.audit === undefined) throw notStarted();
    return this.audit;
  }

  health(): Health {
    const problems = this.phase === "running" ? this.problems() : [`the app is ${this.phase}`];
    return { live: this.phase !== "stopped", ready: problems.length === 0, problems };
  }

  call<E extends AnySingleRpc & Bound>(
    endpoint: E,
    input: Ask<E>,
    ...[options]: OptionsWithParams<E, CallOptions>
  ): Promise<Got<E>> {
    return this.runtime.caller.of(endpoint).call(input, options as AnyCallOptions) as Promise<Got<E>>; // decoded by the endpoint's schema
  }

  emit<E extends AnyEvent>(
    event: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): Promise<Emitted> {
    return this.runtime.sender.of(event).emit(data, options as AnyEmitOptions);
  }

  publish<E extends AnyEvent>(
    event: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): void {
    this.runtime.sender.of(event).publish(data, options as AnyEmitOptions);
  }

  enqueue<E extends AnyTask>(
    task: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): Promise<Emitted> {
    return this.runtime.sender.of(task).emit(data, options as AnyEmitOptions);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private get transport(): Transport {
    if (this.nats === undefined) throw notStarted();
    return this.nats.transport;
  }

  private async run(): Promise<void> {
    const { options, environment, collected, logger } = this.parts;
    this.nats = await openNats(options, environment, this.runtime);
    if (options.handleSignals === true) this.forgetSignals = onSignals(() => this.stop(), logger);
    this.watchConnection();
    this.services = collected.services.map(
      (definition) =>
        new ServiceHost(this.runtime, definition, (resources) => this.provideWithStreams(resources)),
    );
    await this.prepareServer();
    for (const host of this.services) await host.onStart();
    await Promise.all(this.services.map((host) => host.start()));
    for (const host of this.components.values()) await host.start();
    await this.transport.flush();
    logger.info("started", {
      services: collected.services.map(({ name, version }) => `${name}@${version}`),
      instance: this.parts.instanceId,
    });
  }

  private async prepareServer(): Promise<void> {
    const resources = this.resources();
    const { jetstream, server } = this.transport;
    if (resources.length > 0 && !server.jetstream) {
      throw coreError("JETSTREAM_UNAVAILABLE", "The app stores messages, and the server has no JetStream", {
        details: { neededBy: [...new Set(resources.map(({ neededBy }) => neededBy))] },
      });
    }
    if (server.jetstream && this.parts.manage !== "off")
      await refuseStoredRequests(jetstream, this.parts.collected.services);
    await this.provide(resources);
    const streams = resources.flatMap((resource) => (resource.kind === "stream" ? [resource.spec.name] : []));
    this.audit = await auditGuarantees(this.transport, [...new Set(streams)]);
    this.parts.logger.info("guarantees", { ...this.audit });
  }

  private resources(): readonly ResourcePlan[] {
    return [
      ...deriveStreams(this.parts.collected.services, this.parts.options.streams),
      ...this.services.flatMap((host) => host.plan()),
      ...[...this.components.values()].flatMap((host) => host.plan?.() ?? []),
    ];
  }

  private async provide(resources: readonly ResourcePlan[]): Promise<void> {
    const { manage, logger } = this.parts;
    await provideTopology(resources, { jetstream: this.transport.jetstream, manage, logger });
  }

  /** A lost consumer may have lost its stream too. */
  private provideWithStreams(consumers: readonly ResourcePlan[]): Promise<void> {
    const streams = new Set(consumers.flatMap((plan) => (plan.kind === "consumer" ? [plan.stream] : [])));
    const needed = this.resources().filter((plan) => plan.kind === "stream" && streams.has(plan.spec.name));
    return this.provide([...needed, ...consumers]);
  }

  private problems(): readonly string[] {
    return [
      ...(this.transport.connected ? [] : ["there is no connection to NATS"]),
      ...this.services.flatMap((host) => host.problems()),
      ...[...this.components.values()].flatMap((host) => host.problems?.() ?? []),
    ];
  }

  /** Source of the order: docs, "Shutdown order"; each part goes on when another one fails. */
  private async end(): Promise<void> {
    const { logger, container, clock, stopTimeoutMs } = this.parts;
    this.phase = "stopping"; // readiness fails from here on
    this.stopping.abort(coreError("NOT_STARTED", "The app is stopping"));
    const budget = new AbortController();
    const timer = clock.schedule(stopTimeoutMs, () =>
      budget.abort(coreError("TIMEOUT", "The time for stopping is over")),
    );
    const attempt = async (what: string, work: () => unknown) => {
      try {
        await work();
      } catch (error) {
        logger.error(`${what} failed`, { error });
      }
    };
    const components = [...this.components.values()].map((host) =>
      attempt("stopping a component", () => host.stop(budget.signal)),
    );
    await Promise.all(this.services.map((host) => attempt("ending subscriptions", () => host.stopTaking())));
    await within(budget.signal, Promise.all(this.services.map((host) => host.settled())));
    await Promise.all(components);
    for (const host of this.services) await attempt("giving work back", () => host.giveUp());
    timer.cancel();
    if (this.nats?.transport.connected) await attempt("flushing", () => this.nats?.transport.flush());
    for (const host of [...this.services].reverse()) await attempt("onStop", () => host.onStop());
    await attempt("disposing", () => container[Symbol.asyncDispose]());
    await attempt("closing the connection", () => this.nats?.close());
    this.forgetSignals();
    this.phase = "stopped";
    logger.info("stopped", { instance: this.parts.instanceId });
  }

  private watchConnection(): void {
    const { logger } = this.parts;
    this.transport.onStatus((status) => {
      if (status.type === "error") logger.warn("the server reports an error", { error: status.error });
      else if (status.type !== "closed") logger.info(`connection: ${status.type}`);
      else if (this.phase === "running")
        logger.error("the connection is closed for good", { error: status.error });
    });
  }

  private makeRuntime(): Runtime {
    const { parts, middleware } = this;
    const transport = () => this.transport;
    let count = 0;
    const runtime: Runtime = {
      name: parts.name,
      instanceId: parts.instanceId,
      clock: parts.clock,
      logger: parts.logger,
      observer: parts.observer,
      container: parts.container,
      middleware,
      get transport() {
        return transport();
      },
      get caller() {
        return caller;
      },
      get sender() {
        return sender;
      },
      uniqueId: () => `${parts.instanceId}-${(count++).toString(36)}`,
    };
    const caller = new RpcCaller(runtime);
    const sender = new Sender(runtime);
    return runtime;
  }

  private makeInternals(): AppInternals {
    const { runtime, stopping } = this;
    return {
      name: runtime.name,
      instanceId: runtime.instanceId,
      clock: runtime.clock,
      logger: runtime.logger,
      observer: runtime.observer,
      get transport() {
        return runtime.transport;
      },
      effects: this,
      streams: this.parts.options.streams ?? {},
      stopping: stopping.signal,
      instance: async <T>(type: ComponentClass<T>) => runtime.container.construct(type as Constructor<T>),
      provide: (resources) => this.provide(resources),
      host: <H extends ComponentHost>(kind: ComponentKind<never>) =>
        this.components.get(kind as ComponentKind) as H | undefined, // the kind made its host
    };
  }

  private makeComponents(): ReadonlyMap<ComponentKind, ComponentHost> {
    const entries = new Map<ComponentKind, ComponentEntry[]>();
    for (const type of this.parts.collected.components) {
      const component = componentOf(type);
      if (component === undefined) continue;
      const { kind, definition } = component;
      entries.set(kind, [...(entries.get(kind) ?? []), { type, definition }]);
    }
    return new Map([...entries].map(([kind, list]) => [kind, kind.createHost(this.internals, list)]));
  }
}

function notStarted() {
  return coreError("NOT_STARTED", "The app has no connection: start it first, and not after it was stopped");
}

/** Resolves when `work` does, or when `budget` is aborted. */
function within(budget: AbortSignal, work: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve) => {
    budget.addEventListener("abort", () => resolve(undefined), { once: true });
    work.then(resolve, resolve);
  });
}
