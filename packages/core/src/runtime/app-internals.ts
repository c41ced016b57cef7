import type { Clock, Logger, Observer } from "@ganglion/kernel";
import type { ComponentClass, ComponentHost, ComponentKind } from "../component/component.js";
import type { Effects } from "../messages/context.js";
import type { StreamDefaults } from "../topology/derive.js";
import type { ResourcePlan } from "../topology/resource.js";
import type { Transport } from "../transport/transport.js";

/** What the packages above core see of an app. */
export interface AppInternals {
  /** Name of the app, for consumer names and logs. */
  readonly name: string;
  /** Unique for each app object, also within a process. */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: Observer;
  /** @throws GanglionError `NOT_STARTED` before `app.start()` and after `app.stop()`. */
  readonly transport: Transport;
  /** Calls and messages that belong to no delivery: deadline, idempotency key and message id come with each. */
  readonly effects: Effects;
  /** What holds for every stream the app creates. */
  readonly streams: StreamDefaults;
  /** Aborted when the app begins to stop. */
  readonly stopping: AbortSignal;
  /** The app's one instance of a class, made by the container with its dependencies. */
  instance<T>(type: ComponentClass<T>): Promise<T>;
  /** Creates or verifies resources while the app runs, as `manage` says. */
  provide(resources: readonly ResourcePlan[]): Promise<void>;
  /** The host of a kind; undefined when no class of that kind is listed. */
  host<H extends ComponentHost>(kind: ComponentKind<never>): H | undefined;
}
