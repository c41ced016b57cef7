import type { Clock } from "@ganglion/kernel";
import { getHeader, JETSTREAM_HEADERS, type StreamConfig } from "@ganglion/protocol";
import type { MessageStore, StoredMessage } from "@ganglion/store";
import { Expiry } from "./expiry.js";
import { formatMessageTtl } from "./message-ttl.js";
import type { PublishHeaders } from "./publish-headers.js";
import { Schedules } from "./schedules.js";
import { type FramedMessage, withHeaders } from "./with-headers.js";

/** What {@link TimedMessages} needs of its stream. */
export interface TimedMessagesHost {
  readonly clock: Clock;
  readonly messages: MessageStore;
  /** Stores a message of the stream's own. @returns whether it is stored. */
  publish(subject: string, message: FramedMessage): boolean;
}

/** What happens to the messages of a stream as time goes by. */
export class TimedMessages {
  private config: StreamConfig | undefined;
  private expiry: Expiry | undefined;
  private schedules: Schedules | undefined;

  constructor(private readonly host: TimedMessagesHost) {}

  /** Begins, or goes on by a new configuration. */
  applyConfig(config: StreamConfig): void {
    this.config = config;
    const { clock, messages } = this.host;
    const maxAgeUs = config.max_age / 1000;
    if (config.allow_msg_schedules === true) this.schedules ??= new Schedules(this.host);
    if (!config.allow_msg_ttl) return;
    if (this.expiry !== undefined) this.expiry.setMaxAge(maxAgeUs);
    else this.expiry = new Expiry({ clock, messages, expire: (message) => this.expire(message) }, maxAgeUs);
  }

  /** A message was appended. */
  added(message: StoredMessage, headers: PublishHeaders | undefined): void {
    this.expiry?.added(message);
    if (headers !== undefined) this.schedules?.added(message, headers);
  }

  /** A message left the stream. */
  removed(sequence: number): void {
    this.schedules?.removed(sequence);
  }

  /** Messages were not stored after all. */
  failed(): void {
    this.schedules?.rebuild();
  }

  close(): void {
    this.expiry?.close();
    this.schedules?.close();
    this.expiry = undefined;
    this.schedules = undefined;
  }

  /**
   * Lets a message go. Where the last one of a subject went, a marker tells of it for a while.
   *
   * Source: ADR-43; nats-server filestore.go `handleRemovalOrSdm`.
   */
  private expire({ sequence, subject, data, headerSizeBytes }: StoredMessage): void {
    const { messages } = this.host;
    const markerTtlNs = this.config?.subject_delete_marker_ttl ?? 0;
    const isMarked = markerTtlNs > 0 && !isDeleteMarker({ data, headerSizeBytes });
    const [held] = isMarked ? messages.subjects(subject) : [];
    // The marker replaces the message by its rollup.
    if (held?.count === 1 && this.host.publish(subject, deleteMarker(markerTtlNs))) return;
    messages.remove(sequence);
  }
}

function deleteMarker(markerTtlNs: number): FramedMessage {
  return withHeaders({ headerSizeBytes: 0, data: new Uint8Array(0) }, [
    [JETSTREAM_HEADERS.markerReason, "MaxAge"],
    [JETSTREAM_HEADERS.ttl, formatMessageTtl(Math.floor(markerTtlNs / 1e9))],
    [JETSTREAM_HEADERS.rollup, "sub"],
  ]);
}

/** Whether a message only tells that others are gone. Source: nats-server sdm.go `isSubjectDeleteMarker`. */
function isDeleteMarker({ data, headerSizeBytes }: FramedMessage): boolean {
  if (headerSizeBytes === 0) return false;
  const reason = getHeader(data, JETSTREAM_HEADERS.markerReason, headerSizeBytes) ?? "";
  return reason !== "" || getHeader(data, "KV-Operation", headerSizeBytes) === "PURGE";
}
