import type { Injectable } from "./token.js";

// A class of any constructor: its parameters come from @Inject and inject().
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Constructor<T = unknown> = new (...args: any[]) => T;

/** The values of a list of dependencies. */
export type Resolved<D extends readonly Injectable<unknown>[]> = {
  readonly [K in keyof D]: D[K] extends Injectable<infer T> ? T : never;
};

/** Gives a value that exists already. It is not disposed of unless `dispose` says how. */
export interface ValueProvider<T = unknown> {
  readonly provide: Injectable<T>;
  readonly useValue: T;
  readonly dispose?: (value: T) => void | Promise<void>;
}

/** Makes an instance of a class. */
export interface ClassProvider<T = unknown> {
  readonly provide: Injectable<T>;
  readonly useClass: Constructor<T>;
  readonly scope?: Scope;
}

/** Makes a value, also one that takes time, such as a connection. */
export interface FactoryProvider<T = unknown> {
  readonly provide: Injectable<T>;
  /** Called with the values of `deps`. */
  // biome-ignore lint/suspicious/noExplicitAny: factory() checks parameters against deps
  readonly useFactory: (...deps: any[]) => T | Promise<T>;
  readonly deps?: readonly Injectable<unknown>[];
  readonly dispose?: (value: T) => void | Promise<void>;
  readonly scope?: Scope;
}

/** `singleton`: one for the app. `message`: one for each message, asked for by `ctx.get`. */
export type Scope = "singleton" | "message";

/** How a dependency is made. A class alone provides itself. */
export type Provider = ValueProvider | ClassProvider | FactoryProvider | Constructor;

/**
 * A {@link FactoryProvider} whose parameters the compiler checks against `deps`.
 *
 * @example factory(Database, [Config], { use: (config) => connect(config.url), dispose: (db) => db.close() })
 */
export function factory<T, const D extends readonly Injectable<unknown>[]>(
  provide: Injectable<T>,
  deps: D,
  options: {
    readonly use: (...deps: Resolved<D>) => T | Promise<T>;
    readonly dispose?: (value: T) => void | Promise<void>;
    readonly scope?: Scope;
  },
): Provider {
  const { use, ...rest } = options;
  return { provide, deps, useFactory: use as FactoryProvider["useFactory"], ...rest } as FactoryProvider; // T is checked above
}
