import type { ConsumerConfig, StreamConfig } from "@ganglion/protocol";
import type { StoredMetadata } from "@ganglion/store";
import { decodeConsumerConfig, decodeStreamConfig } from "./api/config-codecs.js";
import { always, bool, type Decoder, fields, integer, optional } from "./api/json.js";

/** What is kept with a stream. */
export interface StreamMetadata {
  readonly config: StreamConfig;
  /** Microseconds since 1970. */
  readonly createdUs: number;
  /** The stream is not complete yet: it is read from a backup. */
  readonly restoring?: boolean;
}

/** What is kept with a consumer. */
export interface ConsumerMetadata {
  readonly config: ConsumerConfig;
  /** Microseconds since 1970. */
  readonly createdUs: number;
}

const decodeStreamMetadata = fields<StreamMetadata>({
  config: always(decodeStreamConfig, decodeStreamConfig({})),
  createdUs: always(integer(0), 0),
  restoring: optional(bool),
});
const decodeConsumerMetadata = fields<ConsumerMetadata>({
  config: always(decodeConsumerConfig, decodeConsumerConfig({})),
  createdUs: always(integer(0), 0),
});

export function streamMetadata(metadata: StreamMetadata): StoredMetadata {
  return { ...metadata };
}

export function consumerMetadata(metadata: ConsumerMetadata): StoredMetadata {
  return { ...metadata };
}

/** @returns undefined when it is not what {@link streamMetadata} made. */
export function readStreamMetadata(stored: StoredMetadata): StreamMetadata | undefined {
  const metadata = tryDecode(stored, decodeStreamMetadata);
  return metadata?.config.name === "" ? undefined : metadata;
}

/** @returns undefined when it is not what {@link consumerMetadata} made. */
export function readConsumerMetadata(stored: StoredMetadata): ConsumerMetadata | undefined {
  return tryDecode(stored, decodeConsumerMetadata);
}

function tryDecode<T>(stored: StoredMetadata, decode: Decoder<T>): T | undefined {
  try {
    return decode(stored);
  } catch {
    return undefined;
  }
}
