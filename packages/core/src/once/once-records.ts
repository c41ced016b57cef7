import { createHash } from "node:crypto";
import { isGanglionError, pause } from "@ganglion/kernel";
import { coreError } from "../errors.js";
import type { StreamSpec } from "../transport/stream-spec.js";
import type { Transport } from "../transport/transport.js";

/** How a piece of work ended: what it returned, or the declared error it failed with, as JSON. */
export type StoredOutcome =
  | { readonly state: "done"; readonly value: string }
  | {
      readonly state: "failed";
      readonly code: string;
      readonly message: string;
      readonly retryable: boolean;
      readonly data: string;
    };

/** What is known of a piece of work. */
export type OnceRecord =
  | { readonly state: "running"; readonly owner: string; readonly leaseMs: number }
  | StoredOutcome;

/** A record and its place in the stream. */
export interface PlacedRecord {
  readonly record: OnceRecord;
  readonly sequence: number;
}

const DEFAULT_KEEP_MS = 24 * 3_600_000;
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 50;

/** Stream of a service's records, in the form of a key-value bucket, so that `nats kv` can read it. */
export function onceStream(service: string, keepMs = DEFAULT_KEEP_MS): StreamSpec {
  return {
    name: `KV_${service}-once`,
    description: `Outcomes of what ${service} does once`,
    subjects: [`$KV.${service}-once.>`],
    maxMessagesPerSubject: 1,
    maxAgeMs: keepMs,
  };
}

/** Records of one method. Every change is a compare-and-set: of two processes that work on the same, one loses. */
export class OnceRecords {
  private readonly stream: string;
  private readonly prefix: string;

  /** @param transport - asked for at each use. */
  constructor(
    private readonly options: { readonly service: string; readonly method: string },
    private readonly transport: () => Transport,
  ) {
    this.stream = onceStream(options.service).name;
    this.prefix = `$KV.${options.service}-once.${options.method}.`;
  }

  /** @throws GanglionError what a read fails with: nothing is known then, and the work must not be done. */
  async read(key: string): Promise<PlacedRecord | undefined> {
    const query = { lastOf: this.subject(key) };
    const message = await this.transport().jetstream.get(this.stream, query, { consistency: "leader" });
    if (message === undefined) return undefined;
    return { record: JSON.parse(message.text()) as OnceRecord, sequence: message.sequence }; // written by write()
  }

  /**
   * Replaces a record.
   *
   * @param expected - sequence of the record to replace; 0: there must be none.
   * @returns the new sequence; undefined when the record was another one.
   * @throws GanglionError `UNKNOWN_OUTCOME` when nobody can tell.
   */
  async write(key: string, record: OnceRecord, expected: number): Promise<number | undefined> {
    const { clock, jetstream } = this.transport();
    const body = JSON.stringify(record);
    let cause: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await pause(clock, FIRST_PAUSE_MS * 2 ** attempt);
      try {
        const ack = await jetstream.append(this.subject(key), body, {
          expectedLastSubjectSequence: expected,
          expectedStream: this.stream,
        });
        return ack.sequence;
      } catch (error) {
        cause = error;
      }
      // The answer may have got lost on its way: the record tells.
      const found = await this.read(key).catch(() => null);
      if (found === null) continue;
      if (found !== undefined && JSON.stringify(found.record) === body) return found.sequence;
      if ((found?.sequence ?? 0) !== expected) return undefined;
      if (!isGanglionError(cause)) throw cause;
    }
    throw coreError("UNKNOWN_OUTCOME", `The record of ${this.options.method} ${key} could not be written`, {
      retryable: true,
      cause,
      details: { service: this.options.service, method: this.options.method },
    });
  }

  /** Removes a record, so that the work can be tried again at once. */
  async remove(sequence: number): Promise<void> {
    await this.transport().jetstream.streams.deleteMessage(this.stream, sequence);
  }

  /** Keys may be anything a caller sends. */
  private subject(key: string): string {
    return this.prefix + createHash("sha256").update(key).digest("base64url");
  }
}
