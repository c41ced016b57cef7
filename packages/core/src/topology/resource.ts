import type { ConsumerSpec } from "../transport/consumer-spec.js";
import type { StreamSpec } from "../transport/stream-spec.js";

/** A stream or consumer an app needs, and who needs it. Core creates or verifies it, as `manage` says. */
export type ResourcePlan =
  | { readonly kind: "stream"; readonly spec: StreamSpec; readonly neededBy: string }
  | {
      readonly kind: "consumer";
      readonly stream: string;
      readonly spec: ConsumerSpec;
      readonly neededBy: string;
    };
