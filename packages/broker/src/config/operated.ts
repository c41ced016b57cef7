import type { BrokerConfig } from "./schema.js";

/** Whether users come with JWTs. */
export function isOperated({
  operators,
  trustedKeys,
}: Pick<BrokerConfig, "operators" | "trustedKeys">): boolean {
  return operators !== undefined || trustedKeys !== undefined;
}
