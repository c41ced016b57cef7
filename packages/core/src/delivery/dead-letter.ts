import { createHash } from "node:crypto";
import { isGanglionError } from "@ganglion/kernel";
import { DEAD_LETTER, ORIGIN_HEADER } from "../messages/header-names.js";
import { HeaderBlock, type HeaderEntry, sendableLines } from "../transport/header-block.js";
import type { ConsumedMessage } from "../transport/message.js";
import type { StreamSpec } from "../transport/stream-spec.js";
import type { Transport } from "../transport/transport.js";
import { RedrivenMessage } from "./redriven-message.js";

/** Headers with a meaning for the server were for the first stream, and those of an earlier death are replaced. */
const LEFT_OUT_HEADER = /^(nats-(msg-id|expected-|rollup|ttl)|ganglion-dead-)/i;
const MAX_REASON_CHARS = 500;

/** Subject of the dead letters of one consumer. */
export function deadLetterSubject(service: string, consumer: string): string {
  return `dead.${service}.${consumer}`;
}

/**
 * Subject on which a dead letter goes back to its consumer. There is one for each letter, so that it cannot be under
 * way twice.
 */
export function redriveSubject(service: string, consumer: string, letterSequence: number): string {
  return `redrive.${service}.${consumer}.${letterSequence}`;
}

/** All letters of a service, or of one of its consumers, that go back. */
export function redriveFilter(service: string, consumer?: string): string {
  return consumer === undefined ? `redrive.${service}.>` : `redrive.${service}.${consumer}.*`;
}

/** Sequence of the letter a {@link redriveSubject} is of. */
export function letterSequenceOf(subject: string): number {
  return Number(subject.slice(subject.lastIndexOf(".") + 1));
}

/** Stream of a service's dead letters. */
export function deadLetterStream(service: string): StreamSpec {
  return {
    name: `${service}-dead`,
    description: `Messages ${service} could not handle`,
    subjects: [`dead.${service}.>`, redriveFilter(service)],
  };
}

/** A message that is given up. */
export interface LostMessage {
  readonly message: ConsumedMessage;
  readonly service: string;
  readonly error: unknown;
  /** How often it was tried. */
  readonly attempts: number;
}

/**
 * Stores a message as a dead letter: body and headers as they were, and what is known about its end. The id makes
 * a second attempt at storing it harmless.
 *
 * @throws GanglionError what an append fails with: the message must not be given up then.
 */
export async function storeDeadLetter(transport: Transport, lost: LostMessage): Promise<void> {
  const { message, service, error, attempts } = lost;
  const { stream, sequence, consumer } = message;
  // One that failed again is another letter.
  const redriven = message instanceof RedrivenMessage ? `:${message.redriveId}` : "";
  const origin = message.headers.get(ORIGIN_HEADER) ?? `${stream}.${sequence}`;
  const original = message.headers
    .entries()
    .filter(([name]) => !LEFT_OUT_HEADER.test(name) && name !== ORIGIN_HEADER);
  const entries: HeaderEntry[] = [
    ...original,
    [ORIGIN_HEADER, origin],
    [DEAD_LETTER.subject, message.subject],
    [DEAD_LETTER.stream, stream],
    [DEAD_LETTER.sequence, String(sequence)],
    [DEAD_LETTER.consumer, consumer],
    [DEAD_LETTER.deliveries, String(attempts)],
    [DEAD_LETTER.code, isGanglionError(error) ? error.code : nameOf(error)],
    [DEAD_LETTER.reason, reasonOf(error)],
    [DEAD_LETTER.stackHash, stackHash(error)],
    [DEAD_LETTER.time, new Date(transport.clock.nowMs()).toISOString()],
  ];
  await transport.jetstream.append(deadLetterSubject(service, consumer), message.data, {
    headers: new HeaderBlock(sendableLines(entries)),
    msgId: `dead:${stream}:${sequence}:${consumer}${redriven}`,
  });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, " ").slice(0, MAX_REASON_CHARS);
}

/** Positions change with every edit; the names of functions say enough. */
function stackHash(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const frames = stack
    .split("\n")
    .filter((line) => line.trimStart().startsWith("at "))
    .map((line) => line.trim().replace(/[(\s][^\s(]*:\d+:\d+\)?$/, ""));
  return createHash("sha256").update(frames.join("\n")).digest("hex").slice(0, 16);
}
