import type { SyncPolicy } from "@ganglion/store";
import type { SyncInterval } from "../config/blocks/jetstream.js";

/** What the configuration asks for; without it every acknowledgement follows a sync. */
export function syncPolicyOf(interval: SyncInterval = "always"): SyncPolicy {
  if (interval === "none") return { kind: "none" };
  return interval === "always" || interval <= 0
    ? { kind: "always" }
    : { kind: "interval", intervalMs: interval };
}

/** What an acknowledgement promises, in words for the log. */
export function describeSyncPolicy(policy: SyncPolicy): string {
  switch (policy.kind) {
    case "always":
      return "a message is on the disk before it is acknowledged";
    case "interval":
      return `messages are synced every ${policy.intervalMs} ms: a power failure can cost acknowledged ones`;
    case "none":
      return "messages are not synced: a power failure can cost acknowledged ones";
  }
}
