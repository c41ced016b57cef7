import type { Audience } from "./worker-job.js";

/** Bytes of one batch for one receiver, and over all of them. */
const BATCH_BYTES = 256 * 1024;
const BATCH_BYTES_IN_ALL = 2 * 1024 * 1024;
/** Bytes that may be on their way, over all receivers: far less than what makes a receiver a slow consumer. */
const WINDOW_BYTES = 32 * 1024 * 1024;
const MOST_BATCHES = 16;

/** Subject on which the receiving process gives credit for one more batch. */
export const CREDIT_SUBJECT = "bench.credit";

/** How many messages a batch has, and how many batches may be on their way. Both processes reckon the same. */
export function windowOf({ payloadBytes, subscribers, queue }: Audience & { readonly payloadBytes: number }) {
  const copies = queue ? 1 : subscribers;
  const frameBytes = payloadBytes + 40;
  const batch = Math.max(1, Math.floor(Math.min(BATCH_BYTES, BATCH_BYTES_IN_ALL / copies) / frameBytes));
  const batches = Math.max(
    2,
    Math.min(MOST_BATCHES, Math.floor(WINDOW_BYTES / (batch * copies * frameBytes))),
  );
  return { copies, batch, batches };
}
