import type { Account } from "../accounts/account.js";
import { addTraffic, type Traffic } from "../connection/traffic.js";

/** What went through the connections of an account since the start, closed ones included. */
export function accountTraffic({ past, connections }: Account): Traffic {
  const sum = { ...past };
  for (const connection of connections) addTraffic(sum, connection);
  return sum;
}
