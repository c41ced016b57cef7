import type { Clock, Logger } from "@ganglion/kernel";
import type { Transport } from "./transport.js";

/** What a transport takes from its application. */
export interface TransportSurroundings {
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Something that opens the connection of an application, such as {@link natsClient}. */
export interface TransportSource {
  /** For logs. */
  readonly description: string;
  openTransport(surroundings?: TransportSurroundings): Promise<Transport>;
}
