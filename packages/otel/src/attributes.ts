import type { Attributes } from "@ganglion/kernel";
import type { Attributes as ApiAttributes } from "@opentelemetry/api";

/**
 * Attributes as the OpenTelemetry API takes them: fields without a value are left out, since the metrics
 * SDK would count `undefined` as a value of its own. The object is copied only when that is needed.
 */
export function toApiAttributes(attributes: Attributes): ApiAttributes {
  for (const name in attributes) {
    if (attributes[name] === undefined) {
      return Object.fromEntries(
        Object.entries(attributes).filter(([, value]) => value !== undefined),
      ) as ApiAttributes;
    }
  }
  return attributes as ApiAttributes; // differs only in `readonly string[]`, which the SDK copies
}
