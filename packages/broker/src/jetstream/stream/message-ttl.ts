import { formatGoDuration, parseGoDuration } from "@ganglion/protocol";

/** How long a message lives: seconds, or `never` to outlive also the age limit of its stream. */
export type MessageTtl = number | "never";

const NS_PER_SECOND = 1_000_000_000;

/**
 * Reads a `Nats-TTL`: whole seconds, a Go duration of at least a second, or `never`.
 *
 * @returns 0 for none, undefined for what is no such value.
 * Source: ADR-43; nats-server stream.go `parseMessageTTL`.
 */
export function parseMessageTtl(text: string | undefined): MessageTtl | undefined {
  if (text === undefined || text === "") return 0;
  if (text.toLowerCase() === "never") return "never";
  if (text !== "0" && /^\d+$/.test(text)) return Number(text);
  const durationNs = parseGoDuration(text);
  if (durationNs === undefined || durationNs < NS_PER_SECOND) return undefined;
  return Math.floor(durationNs / NS_PER_SECOND);
}

/** Writes a TTL as the server writes those of its own messages. */
export function formatMessageTtl(seconds: number): string {
  return formatGoDuration(seconds * NS_PER_SECOND);
}
