import type { Clock, Logger, Observer } from "@ganglion/kernel";
import type { RpcCaller } from "../client/rpc-caller.js";
import type { Sender } from "../client/sender.js";
import type { Container } from "../container/container.js";
import type { Transport } from "../transport/transport.js";
import type { Middleware } from "./middleware.js";

/** What everything that runs inside an app shares. */
export interface Runtime {
  readonly name: string;
  readonly instanceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: Observer;
  readonly container: Container;
  /** Of the app, outermost first. */
  readonly middleware: readonly Middleware[];
  /** @throws GanglionError `NOT_STARTED` */
  readonly transport: Transport;
  readonly caller: RpcCaller;
  readonly sender: Sender;
  /** A text no other call in no other process returns. */
  uniqueId(): string;
}
