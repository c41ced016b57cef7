import { JETSTREAM_HEADERS, removeHeaders, type StreamSourceConfig } from "@ganglion/protocol";
import type { MessageStore } from "@ganglion/store";
import type { RoutedMessage } from "../account-bus.js";
import type { FramedMessage } from "../stream/with-headers.js";
import { OriginLink, type OriginLinkHost } from "./origin-link.js";
import type { StartPoint } from "./origin-request.js";
import { compileOriginTransform } from "./origin-transform.js";

/** A message as a mirror stores it: with the sequence and time it has in its origin. */
export interface MirroredMessage extends FramedMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly timestampUs: number;
}

/** What a copy needs of its stream. */
export type CopyHost = Omit<OriginLinkHost, "kind" | "start" | "begun" | "take"> & {
  readonly messages: MessageStore;
};

/** Keeps a stream equal to another one, sequence by sequence. */
export class Mirror {
  readonly link: OriginLink;

  /** @param store - returns whether the message is stored. */
  constructor(
    config: StreamSourceConfig,
    private readonly host: CopyHost,
    store: (message: MirroredMessage) => boolean,
  ) {
    const transform = compileOriginTransform(config);
    this.link = new OriginLink(config, {
      ...host,
      kind: "M",
      start: () => this.start(config),
      begun: (sequence) => this.begun(sequence),
      take: (message, { streamSequence: sequence, timestampUs }) => {
        if (sequence <= host.messages.state().lastSequence) return true;
        const framed = withoutOriginHeaders(message);
        return store({ ...framed, subject: transform(message.subject), sequence, timestampUs });
      },
    });
  }

  private start({ opt_start_seq: sequence, opt_start_time: time }: StreamSourceConfig): StartPoint {
    const { messages, lastSequence } = this.host.messages.state();
    if (messages > 0 || lastSequence > 0) {
      return { deliver_policy: "by_start_sequence", opt_start_seq: lastSequence + 1 };
    }
    if (sequence !== undefined) return { deliver_policy: "by_start_sequence", opt_start_seq: sequence };
    if (time !== undefined) return { deliver_policy: "by_start_time", opt_start_time: time };
    return { deliver_policy: "all" };
  }

  /** An empty mirror begins where the origin does. */
  private begun(sequence: number): void {
    const { messages, lastSequence } = this.host.messages.state();
    if (messages === 0 && sequence > lastSequence) this.host.messages.purge({ beforeSequence: sequence + 1 });
  }
}

/** A copied message is not checked again for what its publisher expected of the origin. */
export function withoutOriginHeaders(
  { data, headerSizeBytes }: RoutedMessage,
  isDropped: (name: string) => boolean = () => false,
): FramedMessage {
  if (headerSizeBytes === 0) return { headerSizeBytes, data };
  const block = removeHeaders(
    data.subarray(0, headerSizeBytes),
    (name) => name.startsWith("Nats-Expected-") || name.startsWith("Nats-Batch-") || isDropped(name),
  );
  if (block.length === headerSizeBytes) return { headerSizeBytes, data };
  return {
    headerSizeBytes: block.length,
    data: Buffer.concat([block, data.subarray(headerSizeBytes)]),
  };
}

/** The header of a source, which a copy of a copy carries no longer. */
export const isSourceHeader = (name: string): boolean => name === JETSTREAM_HEADERS.streamSource;
