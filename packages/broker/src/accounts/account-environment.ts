import { type Clock, systemClock } from "@ganglion/kernel";
import type { Connection } from "../connection/connection.js";

/** What accounts know of the broker they belong to. */
export interface AccountEnvironment {
  readonly clock: Clock;
  readonly serverName: string;
  findConnection(id: number): Connection | undefined;
}

/** For accounts without a broker. */
export const NO_BROKER: AccountEnvironment = {
  clock: systemClock,
  serverName: "",
  findConnection: () => undefined,
};
