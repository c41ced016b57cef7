import { randomUUID } from "node:crypto";
import type { App, Effects } from "@ganglion/core";
import {
  type AppInternals,
  appExtensions,
  type ComponentClass,
  type ComponentHost,
  type ComponentKind,
  componentOf,
  connectNats,
  type ResourcePlan,
  type Transport,
} from "@ganglion/core/internal";
import { type Logger, noopObserver, type Observer, silentLogger, systemClock } from "@ganglion/kernel";

export interface ComponentAppOptions {
  readonly services: readonly ComponentClass[];
  readonly url: string;
  readonly observer?: Observer;
  readonly logger?: Logger;
  readonly effects?: Effects;
  readonly extra?: readonly ResourcePlan[];
  /** Called before any component is started. */
  readonly onConnected?: (transport: Transport) => void;
}

/** Runs components without the rest of an app. */
export async function componentApp(options: ComponentAppOptions) {
  const transport = await connectNats({ servers: options.url, reconnectDelay: { min: 20, max: 200 } });
  options.onConnected?.(transport);
  const stopping = new AbortController();
  const instances = new Map<ComponentClass, unknown>();
  const hosts = new Map<unknown, ComponentHost>();
  const internals: AppInternals = {
    name: "test",
    instanceId: randomUUID().slice(0, 8),
    clock: systemClock,
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? noopObserver,
    transport,
    effects: options.effects ?? (undefined as never),
    stopping: stopping.signal,
    instance: async <T>(type: ComponentClass<T>) => {
      if (!instances.has(type)) instances.set(type, new (type as unknown as new () => T)());
      return instances.get(type) as T;
    },
    provide: (plans) => provide(transport, plans),
    host: (kind) => hosts.get(kind) as never,
  };
  const byKind = new Map<unknown, { type: ComponentClass; definition: unknown }[]>();
  for (const type of options.services) {
    const found = componentOf(type);
    if (found === undefined) throw new Error(`${type.name} is no component`);
    byKind.set(found.kind, [...(byKind.get(found.kind) ?? []), { type, definition: found.definition }]);
  }
  for (const [kind, entries] of byKind)
    hosts.set(kind, (kind as ComponentKind<unknown>).createHost(internals, entries));
  await provide(transport, options.extra ?? []);
  for (const host of hosts.values()) await provide(transport, host.plan?.() ?? []);
  for (const host of hosts.values()) await host.start();
  const properties = Object.fromEntries([...appExtensions()].map(([name, make]) => [name, make(internals)]));
  let stopped = false;
  const stop = async (budgetMs = 5_000) => {
    if (stopped) return;
    stopped = true;
    stopping.abort();
    const budget = AbortSignal.timeout(budgetMs);
    for (const host of hosts.values()) await host.stop(budget);
    await transport.flush().catch(() => {});
    await transport.close();
  };
  return Object.assign(properties, {
    transport,
    hosts: [...hosts.values()],
    stop,
    [Symbol.asyncDispose]: () => stop(0),
  }) as unknown as Pick<App, "sagas" | "projections"> & {
    transport: Transport;
    hosts: ComponentHost[];
    stop(budgetMs?: number): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
  };
}

async function provide(transport: Transport, plans: readonly ResourcePlan[]): Promise<void> {
  for (const plan of plans) {
    if (plan.kind === "stream") await transport.jetstream.streams.ensure(plan.spec);
    else await transport.jetstream.consumers.ensure(plan.stream, plan.spec);
  }
}
