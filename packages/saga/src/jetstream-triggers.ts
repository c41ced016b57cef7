import type { AppendAck, ConsumedMessage, JetStream } from "@ganglion/core/internal";
import { sagaError } from "./errors.js";
import {
  DUE_HEADER,
  idOf,
  sweepSubject,
  TRIGGER_STREAM,
  type TriggerSubjectKind,
  timerSubject,
  triggerSubject,
} from "./subjects.js";
import type { Trigger, TriggerBody, TriggerPublisher } from "./triggers.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const SUBJECT_KINDS: Readonly<Record<Exclude<TriggerBody["kind"], "timer">, TriggerSubjectKind>> = {
  start: "start",
  signal: "signal",
  cancel: "operator",
  terminate: "operator",
  retry: "operator",
  wake: "wake",
};

/** Writes the triggers of one saga class. */
export class JetStreamTriggers implements TriggerPublisher {
  constructor(
    private readonly jetstream: JetStream,
    private readonly saga: string,
  ) {}

  /** @param msgId - a second one with the same id within two minutes is not stored. */
  publish(id: string, body: Exclude<TriggerBody, { kind: "timer" }>, msgId?: string): Promise<AppendAck> {
    const subject = triggerSubject(this.saga, SUBJECT_KINDS[body.kind], id);
    return this.jetstream.append(subject, encoder.encode(JSON.stringify(body)), {
      expectedStream: TRIGGER_STREAM,
      msgId,
    });
  }

  async publishTimer(id: string, dueAtMs: number): Promise<void> {
    await this.jetstream.append(timerSubject(this.saga, id), EMPTY, {
      headers: [[DUE_HEADER, String(dueAtMs)]],
      expectedStream: TRIGGER_STREAM,
    });
  }

  async hasStart(id: string): Promise<boolean> {
    const query = { lastOf: triggerSubject(this.saga, "start", id) };
    return (await this.jetstream.get(TRIGGER_STREAM, query, { consistency: "leader" })) !== undefined;
  }
}

const EMPTY = new Uint8Array(0);

/** A message of the trigger stream as the worker takes it. @throws GanglionError `SAGA_JOURNAL_CORRUPT` */
export function triggerOf(message: ConsumedMessage): Trigger {
  return {
    id: idOf(message.subject),
    body: bodyOf(message),
    sequence: message.sequence,
    deliveryCount: message.deliveryCount,
    ack: () => message.ack(),
    nak: (delayMs) => message.nak(delayMs),
    working: () => message.working(),
  };
}

/** When a timer message is due, in milliseconds since 1970. @throws GanglionError `SAGA_JOURNAL_CORRUPT` */
export function dueAtMsOf(message: ConsumedMessage): number {
  const dueAtMs = Number(message.headers.get(DUE_HEADER) ?? Number.NaN);
  if (!Number.isFinite(dueAtMs)) throw corrupt(message, "it has no due time");
  return dueAtMs;
}

/** Whether a timer message is the one whose holder sweeps. */
export function isSweep(message: ConsumedMessage, saga: string): boolean {
  return message.subject === sweepSubject(saga);
}

function bodyOf(message: ConsumedMessage): TriggerBody {
  if (message.subject.startsWith("tmr.")) return { kind: "timer", dueAtMs: dueAtMsOf(message) };
  try {
    const body = JSON.parse(decoder.decode(message.data)) as TriggerBody;
    if (typeof body.kind === "string") return body;
  } catch (cause) {
    throw corrupt(message, String(cause));
  }
  throw corrupt(message, "it names no kind");
}

function corrupt(message: ConsumedMessage, why: string) {
  const details = { subject: message.subject, stream: message.stream, sequence: message.sequence };
  return sagaError("SAGA_JOURNAL_CORRUPT", `Trigger ${message.sequence} cannot be read: ${why}`, { details });
}
