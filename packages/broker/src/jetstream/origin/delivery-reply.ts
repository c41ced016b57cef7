/** What the reply subject of a delivery tells about the message. */
export interface DeliveryPosition {
  readonly consumer: string;
  readonly deliveries: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
  readonly timestampUs: number;
  /** Messages that are still to come. */
  readonly pending: number;
}

/** Tokens of the short form, and at least of the one with domain and account. */
const SHORT = 9;
const LONG = 11;

/**
 * Reads `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<ns>.<pending>`.
 *
 * @returns undefined for another form.
 * Source: nats-server consumer.go `ackReplyInfo`; ADR-15.
 */
export function parseDeliveryReply(reply: string): DeliveryPosition | undefined {
  const tokens = reply.split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined;
  if (tokens.length !== SHORT && tokens.length < LONG) return undefined;
  const rest = tokens.slice(tokens.length === SHORT ? 3 : 5);
  const [consumer = "", deliveries, streamSequence, consumerSequence, timestampNs = "", pending] = rest;
  const position = {
    consumer,
    deliveries: Number(deliveries),
    streamSequence: Number(streamSequence),
    consumerSequence: Number(consumerSequence),
    timestampUs: Number(timestampNs.slice(0, -3)),
    pending: Number(pending),
  };
  return Object.values(position).some((value) => Number.isNaN(value)) ? undefined : position;
}
