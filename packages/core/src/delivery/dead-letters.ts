import { isGanglionError } from "@ganglion/kernel";
import { subjectMatches } from "@ganglion/protocol";
import { coreError } from "../errors.js";
import { DEAD_LETTER } from "../messages/header-names.js";
import { HeaderBlock, sendableLines } from "../transport/header-block.js";
import type { IncomingHeaders, StoredMessage } from "../transport/message.js";
import type { Transport } from "../transport/transport.js";
import { deadLetterStream, deadLetterSubject, redriveSubject } from "./dead-letter.js";

/** A message a service could not handle. */
export interface DeadLetter {
  /** Its number among the dead letters of the service, from 1: what {@link DeadLetters.redrive} takes. */
  readonly sequence: number;
  /** Subject, stream and position of the message it was. */
  readonly subject: string;
  readonly stream: string;
  readonly originalSequence: number;
  /** Consumer that gave it up: `<durable>-<event>`, or the task's name. */
  readonly consumer: string;
  /** How often it was tried. */
  readonly deliveries: number;
  /** Error code, or the name of the error's class. */
  readonly code: string;
  readonly reason: string;
  /** Tells failures of one place in the code from others. */
  readonly stackHash: string;
  /** When it was given up. */
  readonly time: Date;
  /** Headers of the message, and those of the letter. */
  readonly headers: IncomingHeaders;
  readonly data: Uint8Array;
  /** Payload as text. */
  text(): string;
}

/** Which dead letters; all conditions must hold. */
export interface DeadLetterFilter {
  readonly consumer?: string;
  readonly code?: string;
  readonly stackHash?: string;
  /** Subject of the message it was; may hold wildcards. */
  readonly subject?: string;
  /** Given up at this time or later. */
  readonly since?: Date;
  /** Given up before this time. */
  readonly until?: Date;
}

/** Options of {@link DeadLetters.list}. */
export interface DeadLetterListOptions extends DeadLetterFilter {
  /** First sequence to look at. @default 1 */
  readonly from?: number;
  /** Most letters. @default all */
  readonly limit?: number;
}

/**
 * The dead letters of a service: looks at them, gives them back to the methods that could not handle them, or
 * removes them. It works from every app that may use the service's stream, also while the service is down.
 */
export class DeadLetters {
  private readonly stream: string;

  /** @param transport - asked for at each use: an app has none before it is started. */
  constructor(
    readonly service: string,
    private readonly transport: () => Transport,
  ) {
    this.stream = deadLetterStream(service).name;
  }

  /** Letters in the order they were given up. Those that come in meanwhile are left out. */
  async *list(options: DeadLetterListOptions = {}): AsyncIterable<DeadLetter> {
    const { from = 1, limit = Number.POSITIVE_INFINITY, ...filter } = options;
    const { jetstream } = this.transport();
    const lastSequence = (await jetstream.streams.info(this.stream))?.lastSequence ?? 0;
    const nextOf = deadLetterSubject(this.service, filter.consumer ?? "*");
    let found = 0;
    for (let sequence = from; sequence <= lastSequence && found < limit; ) {
      const message = await jetstream.get(this.stream, { nextOf, fromSequence: sequence });
      if (message === undefined || message.sequence > lastSequence) return;
      sequence = message.sequence + 1;
      const letter = read(message);
      if (!fits(letter, filter)) continue;
      found++;
      yield letter;
    }
  }

  /** One letter; undefined when there is none of that sequence (any more). */
  async get(sequence: number): Promise<DeadLetter | undefined> {
    try {
      const message = await this.transport().jetstream.get(this.stream, { sequence });
      const isLetter = message?.subject.startsWith(deadLetterSubject(this.service, "")) === true;
      return message === undefined || !isLetter ? undefined : read(message);
    } catch (error) {
      // A service that never had one may have no stream.
      if (isGanglionError(error, "NO_STREAM")) return undefined;
      throw error;
    }
  }

  /** How many there are. */
  async count(filter: DeadLetterFilter = {}): Promise<number> {
    let count = 0;
    for await (const _ of this.list(filter)) count++;
    return count;
  }

  /**
   * Gives letters back to the methods that could not handle them, and to no other subscriber. Redriving a letter
   * twice at once, or again after a crash, does not double it: it is one message until its outcome is known. A
   * letter that fails again becomes a new one.
   *
   * @param which - a sequence, or all that fit a filter; `{}` is all.
   * @returns how many were given back.
   * @throws GanglionError `NO_DEAD_LETTER` for a sequence that is none; `UNKNOWN_OUTCOME`: call it again.
   */
  redrive(which: number | DeadLetterFilter): Promise<number> {
    return this.forEach(which, (letter) => this.redriveOne(letter));
  }

  /** Removes letters for good. @returns how many. @throws GanglionError `NO_DEAD_LETTER` */
  discard(which: number | DeadLetterFilter): Promise<number> {
    const { streams } = this.transport().jetstream;
    return this.forEach(which, async ({ sequence }) => streams.deleteMessage(this.stream, sequence));
  }

  private async forEach(
    which: number | DeadLetterFilter,
    act: (letter: DeadLetter) => Promise<boolean>,
  ): Promise<number> {
    if (typeof which === "number") {
      const letter = await this.get(which);
      if (letter === undefined) {
        throw coreError("NO_DEAD_LETTER", `${this.service} has no dead letter ${which}`, {
          details: { service: this.service, sequence: which },
        });
      }
      return (await act(letter)) ? 1 : 0;
    }
    let count = 0;
    for await (const letter of this.list(which)) if (await act(letter)) count++;
    return count;
  }

  private async redriveOne(letter: DeadLetter): Promise<boolean> {
    const { jetstream } = this.transport();
    const { sequence, consumer, headers, data } = letter;
    try {
      // The letter stays until the outcome is known: nothing is lost in between, and nothing redriven twice.
      const { duplicate } = await jetstream.append(redriveSubject(this.service, consumer, sequence), data, {
        headers: new HeaderBlock(
          sendableLines(headers.entries().filter(([name]) => !SERVER_HEADER.test(name))),
        ),
        msgId: `redrive:${this.service}:${sequence}`,
        expectedLastSubjectSequence: 0,
        expectedStream: this.stream,
      });
      return !duplicate;
    } catch (error) {
      if (isGanglionError(error, "WRONG_LAST_SEQUENCE")) return false; // it is on its way already
      throw error;
    }
  }
}

const SERVER_HEADER = /^nats-/i;

function read(message: StoredMessage): DeadLetter {
  const header = (name: string) => message.headers.get(name) ?? "";
  return {
    sequence: message.sequence,
    subject: header(DEAD_LETTER.subject),
    stream: header(DEAD_LETTER.stream),
    originalSequence: Number(header(DEAD_LETTER.sequence)),
    consumer: header(DEAD_LETTER.consumer),
    deliveries: Number(header(DEAD_LETTER.deliveries)),
    code: header(DEAD_LETTER.code),
    reason: header(DEAD_LETTER.reason),
    stackHash: header(DEAD_LETTER.stackHash),
    time: new Date(header(DEAD_LETTER.time)),
    headers: message.headers,
    data: message.data,
    text: () => message.text(),
  };
}

function fits(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  const { code, stackHash, subject, since, until } = filter;
  return (
    (code === undefined || letter.code === code) &&
    (stackHash === undefined || letter.stackHash === stackHash) &&
    (subject === undefined || subjectMatches(subject, letter.subject)) &&
    (since === undefined || letter.time >= since) &&
    (until === undefined || letter.time < until)
  );
}
