import { formatTimestamp, JETSTREAM_HEADERS, type RepublishConfig } from "@ganglion/protocol";
import type { StoredMessage } from "@ganglion/store";
import { compileSubjectTransform, type SubjectTransform } from "../../routing/subject-transform.js";
import type { AccountBus } from "../account-bus.js";
import { withHeaders } from "./with-headers.js";

interface WaitingRepublish {
  readonly afterSequence: number;
  readonly subject: string;
  readonly headerSizeBytes: number;
  readonly data: Uint8Array;
}

/** Publishes stored messages again on another subject, once they are durable. */
export class Republisher {
  private readonly transform: SubjectTransform | undefined;
  private waiting: WaitingRepublish[] = [];

  constructor(
    private readonly bus: AccountBus,
    private readonly streamName: string,
    private readonly config: RepublishConfig,
  ) {
    this.transform = compileSubjectTransform(config.src ?? "", config.dest);
  }

  /**
   * Takes in a message that was just appended.
   *
   * @param lastSubjectSequence - sequence of the message before it on its subject; 0 when there was none.
   */
  add(message: StoredMessage, lastSubjectSequence: number): void {
    const subject = this.transform?.(message.subject);
    if (subject === undefined) return;
    const headersOnly = this.config.headers_only === true;
    const headers: [string, string][] = [
      [JETSTREAM_HEADERS.stream, this.streamName],
      [JETSTREAM_HEADERS.subject, message.subject],
      [JETSTREAM_HEADERS.sequence, String(message.sequence)],
      [JETSTREAM_HEADERS.timeStamp, formatTimestamp(message.timestampUs)],
      [JETSTREAM_HEADERS.lastSequence, String(lastSubjectSequence)],
    ];
    if (headersOnly) {
      headers.push([JETSTREAM_HEADERS.messageSize, String(message.data.length - message.headerSizeBytes)]);
    }
    const framed = withHeaders(message, headers, { dropPayload: headersOnly });
    this.waiting.push({ afterSequence: message.sequence, subject, ...framed });
  }

  /** Publishes what waited for `durableSequence`. */
  release(durableSequence: number): void {
    const count = this.waiting.findIndex((entry) => entry.afterSequence > durableSequence);
    const ready = this.waiting.splice(0, count === -1 ? this.waiting.length : count);
    for (const { subject, headerSizeBytes, data } of ready)
      this.bus.publish({ subject, headerSizeBytes, data });
  }

  /** Forgets what was not stored after all. */
  takeBack(fromSequence: number): void {
    this.waiting = this.waiting.filter((entry) => entry.afterSequence < fromSequence);
  }
}
