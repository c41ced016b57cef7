import { API_PREFIX } from "@ganglion/protocol";
import type { AccountBus } from "./account-bus.js";
import { notEnabledResponse } from "./api/api-router.js";

/**
 * Tells an account that asks for JetStream that it has none, unless it imports that of another account.
 *
 * @returns a function that stops it.
 * Source: nats-server jetstream.go `enableJetStreamInfoServiceImportOnly`.
 */
export function answerNotEnabled(bus: AccountBus): () => void {
  return bus.subscribe(`${API_PREFIX}>`, ({ subject, reply }) => {
    const response = reply === undefined ? undefined : notEnabledResponse(subject);
    if (reply === undefined || response === undefined) return;
    if (bus.isImported(subject)) return;
    bus.publish({ subject: reply, headerSizeBytes: 0, data: Buffer.from(JSON.stringify(response)) });
  });
}
