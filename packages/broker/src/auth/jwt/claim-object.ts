import { brokerError } from "../../errors.js";
import { JsonObject } from "../../json-object.js";

/** One JSON object of a JWT. Its reading methods throw GanglionError `INVALID_JWT`. */
export type ClaimObject = JsonObject;

/** @throws GanglionError `INVALID_JWT` when `value` is no object. */
export function claimObject(value: unknown, name = "the claim"): ClaimObject {
  return JsonObject.of(value, { name, fail: invalidJwt });
}

/** Error of a JWT that cannot be used. */
export function invalidJwt(reason: string, cause?: unknown) {
  return brokerError("INVALID_JWT", `Invalid JWT: ${reason}`, {
    details: { reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
