import { coreError } from "../errors.js";

/** One error for all faults of a contract. */
export function contractError(service: string, faults: readonly string[]) {
  const list = faults.map((fault) => `\n  - ${fault}`).join("");
  return coreError("INVALID_CONTRACT", `Contract ${JSON.stringify(service)} is refused:${list}`, {
    details: { service, faults },
  });
}
