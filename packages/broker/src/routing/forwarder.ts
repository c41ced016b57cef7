import type { MessageFrame } from "@ganglion/protocol";
import type { Publisher } from "./publisher.js";

/** Takes messages of one account on into another one: a service that is imported, and its answers. */
export interface Forwarder {
  /**
   * @param subject - literal, in the account the message comes from.
   * @returns whether the message was delivered to somebody.
   */
  forward(subject: string, frame: MessageFrame, publisher: Publisher): boolean;
  /** Whether somebody would receive a message to `subject`. */
  hasInterest(subject: string): boolean;
}
