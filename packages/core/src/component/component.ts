import type { AppInternals } from "../runtime/app-internals.js";
import type { ResourcePlan } from "../topology/resource.js";

/** A class listed in `createApp({ services })`. */
export type ComponentClass<T = unknown> = abstract new (...args: never[]) => T;

/** A class of a kind together with the definition its decorators recorded. */
export interface ComponentEntry<Definition = unknown> {
  readonly type: ComponentClass;
  readonly definition: Definition;
}

/**
 * A kind of class that packages above core add to an app, such as sagas and projections. There is one object for
 * each kind; decorators record it with {@link defineComponent}, and core groups the listed classes by it.
 */
export interface ComponentKind<Definition = unknown> {
  /** Singular, for logs and errors, such as `saga`. */
  readonly name: string;
  /**
   * Checks the definitions and makes the host that will run them. Called once per app while it is created: before
   * there is a connection, so nothing may be sent yet.
   *
   * @throws GanglionError naming every fault of every class.
   */
  createHost(app: AppInternals, entries: readonly ComponentEntry<Definition>[]): ComponentHost;
}

/** Runs all classes of one kind in an app. */
export interface ComponentHost {
  /** Streams, consumers and buckets the classes need. Core creates or verifies them before `start`. */
  plan?(): readonly ResourcePlan[];
  /** Called once, when the connection is there and the services take requests. */
  start(): Promise<void>;
  /**
   * Stops taking work, waits for running work until `budget` is aborted, then gives the rest back. Called while the
   * connection is still there; must resolve soon after the abort.
   */
  stop(budget: AbortSignal): Promise<void>;
  /** Problems that make the app not ready, in plain words; none: ready. */
  problems?(): readonly string[];
}

const components = new WeakMap<object, { kind: ComponentKind<never>; definition: unknown }>();

/** Records that `type` is a component of `kind`. The last call for a class wins. */
export function defineComponent<Definition>(
  type: ComponentClass,
  kind: ComponentKind<Definition>,
  definition: Definition,
): void {
  components.set(type, { kind, definition });
}

/** The kind and definition recorded for a class, undefined when it is none. */
export function componentOf(
  type: ComponentClass,
): { readonly kind: ComponentKind; readonly definition: unknown } | undefined {
  return components.get(type) as { kind: ComponentKind; definition: unknown } | undefined; // kind and definition were recorded together
}
