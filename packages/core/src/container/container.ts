import { coreError } from "../errors.js";
import { parametersOf } from "../metadata/record.js";
import { type Resolver, withResolver } from "./inject.js";
import type { ClassProvider, Constructor, FactoryProvider, Provider, ValueProvider } from "./provider.js";
import { type Injectable, nameOf } from "./token.js";

type Definition = ValueProvider | ClassProvider | FactoryProvider;
interface Disposal {
  readonly value: unknown;
  readonly dispose: ((value: unknown) => void | Promise<void>) | undefined;
}

/**
 * Makes and keeps the app's objects. Providers that take time are made first, by {@link Container.open}; classes are
 * made when they are asked for. Everything it made is disposed of in reverse order.
 */
export class Container implements Resolver, AsyncDisposable {
  private readonly definitions = new Map<Injectable<unknown>, Definition>();
  private readonly values = new Map<Injectable<unknown>, unknown>();
  private readonly made: Disposal[] = [];
  /** What is being made, outermost first. */
  private readonly making: Injectable<unknown>[] = [];

  constructor(
    providers: readonly Provider[],
    private readonly parent?: Container,
  ) {
    for (const provider of providers) {
      const definition =
        typeof provider === "function" ? { provide: provider, useClass: provider } : provider;
      this.definitions.set(definition.provide, definition);
    }
  }

  /**
   * Makes the singletons of factories, in the order given, with what they depend on first.
   *
   * @throws GanglionError `UNKNOWN_DEPENDENCY`, `DEPENDENCY_CYCLE`; what a factory throws
   */
  async open(): Promise<void> {
    for (const definition of this.definitions.values()) {
      if ("useFactory" in definition && definition.scope !== "message")
        await this.prepare(definition.provide, []);
    }
  }

  /** The value for a dependency. @throws GanglionError `UNKNOWN_DEPENDENCY`, `DEPENDENCY_CYCLE`, `DEPENDENCY_NOT_READY` */
  get<T>(injectable: Injectable<T>): T {
    if (this.values.has(injectable)) return this.values.get(injectable) as T; // stored under its own injectable
    const definition = this.definitions.get(injectable);
    if (definition === undefined) {
      if (this.parent !== undefined) return this.parent.get(injectable);
      throw this.unknown(injectable);
    }
    if ("useValue" in definition) return this.keep(definition, definition.useValue) as T;
    if (definition.scope === "message" && this.parent === undefined) throw this.outOfScope(injectable);
    if ("useFactory" in definition) throw this.notReady(injectable);
    return this.keep(definition, this.make(injectable, definition.useClass)) as T;
  }

  /** The same for dependencies that may take time. */
  async prepared<T>(injectable: Injectable<T>): Promise<T> {
    await this.prepare(injectable, []);
    return this.get(injectable);
  }

  /** Makes a class that need not be provided: services are made by the app. */
  construct<T>(type: Constructor<T>): T {
    const known = this.definitions.get(type) as Definition | undefined;
    if (known !== undefined || this.values.has(type)) return this.get(type);
    return this.keep({ provide: type, useClass: type }, this.make(type, type)) as T;
  }

  /** A container for one message: it makes what has the scope `message` and asks this one for the rest. */
  scope(): Container {
    const scoped = [...this.definitions.values()].filter((one) => "scope" in one && one.scope === "message");
    return new Container(scoped, this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (const { value, dispose } of this.made.splice(0).reverse()) {
      try {
        await (dispose === undefined ? disposeOf(value) : dispose(value));
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  }

  private async prepare(
    injectable: Injectable<unknown>,
    path: readonly Injectable<unknown>[],
  ): Promise<void> {
    if (this.values.has(injectable)) return;
    const definition = this.definitions.get(injectable);
    if (definition === undefined || !("useFactory" in definition)) return;
    if (path.includes(injectable)) throw cycle([...path, injectable]);
    const deps: unknown[] = [];
    for (const dependency of definition.deps ?? []) {
      await this.prepare(dependency, [...path, injectable]);
      deps.push(this.get(dependency));
    }
    this.keep(definition, await definition.useFactory(...deps));
  }

  private make(injectable: Injectable<unknown>, type: Constructor): unknown {
    if (this.making.includes(injectable)) throw cycle([...this.making, injectable]);
    this.making.push(injectable);
    try {
      const parameters = parametersOf(type);
      const args = Array.from({ length: Math.max(-1, ...parameters.keys()) + 1 }, (_, index) => {
        const parameter = parameters.get(index);
        return parameter === undefined ? undefined : this.get(parameter);
      });
      if (type.length > args.length) throw unannotated(type, args.length);
      return withResolver(this, () => new type(...args));
    } finally {
      this.making.pop();
    }
  }

  private keep(definition: Definition, value: unknown): unknown {
    this.values.set(definition.provide, value);
    const dispose = "dispose" in definition ? definition.dispose : undefined;
    if (dispose !== undefined || !("useValue" in definition)) this.made.push({ value, dispose });
    return value;
  }

  private get asker(): string {
    const asker = this.making.at(-1);
    return asker === undefined ? "The app" : nameOf(asker);
  }

  private unknown(injectable: Injectable<unknown>) {
    const name = nameOf(injectable);
    return coreError(
      "UNKNOWN_DEPENDENCY",
      `${this.asker} asks for ${name}, which nobody provides: add ${
        typeof injectable === "function"
          ? `${name} or { provide: ${name}, … }`
          : `{ provide: ${name}, useValue: … }`
      } to createApp({ providers })`,
      { details: { dependency: name, askedBy: this.asker } },
    );
  }

  private outOfScope(injectable: Injectable<unknown>) {
    const name = nameOf(injectable);
    return coreError(
      "UNKNOWN_DEPENDENCY",
      `${this.asker} asks for ${name}, which is made for each message: ask for it with ctx.get(${name}) in a method`,
      { details: { dependency: name, askedBy: this.asker } },
    );
  }

  private notReady(injectable: Injectable<unknown>) {
    const name = nameOf(injectable);
    return coreError(
      "DEPENDENCY_NOT_READY",
      `${this.asker} asks for ${name} before its factory has run: name ${name} in the deps of the factory that needs ${this.asker}, or list its provider earlier`,
      { details: { dependency: name, askedBy: this.asker } },
    );
  }
}

function cycle(path: readonly Injectable<unknown>[]) {
  const names = path.map(nameOf);
  return coreError("DEPENDENCY_CYCLE", `Dependencies go in a circle: ${names.join(" → ")}`, {
    details: { names },
  });
}

function unannotated(type: Constructor, index: number) {
  return coreError(
    "UNKNOWN_DEPENDENCY",
    `${type.name}: nobody knows what constructor parameter ${index + 1} gets: put @Inject(…) in front of it, or use a field with inject(…)`,
    { details: { askedBy: type.name, parameter: index } },
  );
}

async function disposeOf(value: unknown): Promise<void> {
  if (typeof value !== "object" || value === null) return;
  const disposable = value as Partial<AsyncDisposable & Disposable>;
  if (typeof disposable[Symbol.asyncDispose] === "function") await disposable[Symbol.asyncDispose]?.();
  else disposable[Symbol.dispose]?.();
}
