import type { Clock, Timer } from "@ganglion/kernel";
import { formatTimestamp, JETSTREAM_HEADERS, parseTimestamp, removeHeaders } from "@ganglion/protocol";
import type { MessageStore, StoredMessage } from "@ganglion/store";
import { DueQueue } from "./due-queue.js";
import { type PublishHeaders, readPublishHeaders } from "./publish-headers.js";
import { lastReadable, nextReadable, readable } from "./readable.js";
import { nextScheduledTime, type ScheduledTime } from "./schedule-pattern.js";
import { type FramedMessage, withHeaders } from "./with-headers.js";

/** What {@link Schedules} needs of its stream. */
export interface SchedulesHost {
  readonly clock: Clock;
  readonly messages: MessageStore;
  /** Stores a message that a schedule made. @returns whether it is stored. */
  publish(subject: string, message: FramedMessage): boolean;
}

interface Schedule {
  readonly sequence: number;
  readonly dueUs: number;
}

/** A due schedule whose message could not be stored is tried again after this time. */
const RETRY_US = 1_000_000;
const MAX_PER_TURN = 1000;
const MAX_WAIT_MS = 2 ** 31 - 1;

/**
 * Stores messages at their time. A schedule is the last message on its subject that has a pattern; when it fired is
 * told by the messages it made.
 *
 * Source: ADR-51; nats-server scheduler.go.
 */
export class Schedules {
  private readonly bySubject = new Map<string, Schedule>();
  private readonly bySequence = new Map<number, string>();
  private readonly due = new DueQueue<{ readonly subject: string; readonly sequence: number }>();
  private timer: Timer | undefined;

  constructor(private readonly host: SchedulesHost) {
    this.rebuild();
  }

  /** Reads all schedules from the log: after a start, or when messages were not stored after all. */
  rebuild(): void {
    const { messages } = this.host;
    this.bySubject.clear();
    this.bySequence.clear();
    this.due.clear();
    for (let next = nextReadable(messages, 0); next; next = nextReadable(messages, next.sequence + 1)) {
      const headers =
        next.headerSizeBytes === 0 ? undefined : readPublishHeaders(next.data, next.headerSizeBytes);
      if (headers === undefined) continue;
      this.note(next, headers);
      // It fired, but the schedule was not removed any more.
      if (headers.scheduleNext === "purge" && headers.scheduler !== undefined) {
        messages.purge({ filter: headers.scheduler, beforeSequence: next.sequence });
        this.removed(this.bySubject.get(headers.scheduler)?.sequence ?? 0);
      }
    }
    this.restartTimer();
  }

  /** A message was appended. */
  added(message: StoredMessage, headers: PublishHeaders): void {
    if (this.note(message, headers)) this.restartTimer();
  }

  /** A message left the stream. */
  removed(sequence: number): void {
    const subject = this.bySequence.get(sequence);
    if (subject === undefined) return;
    this.bySequence.delete(sequence);
    if (this.bySubject.get(subject)?.sequence === sequence) this.bySubject.delete(subject);
  }

  close(): void {
    this.timer?.cancel();
  }

  private note({ subject, sequence, timestampUs }: StoredMessage, headers: PublishHeaders): boolean {
    const { schedule: pattern, scheduleTimeZone: timeZone, scheduler, scheduleNext } = headers;
    if (pattern !== undefined) {
      const nowUs = this.host.clock.nowUs();
      const next = nextScheduledTime(pattern, { timeZone, fromUs: timestampUs, nowUs });
      if (next !== undefined) this.set(subject, { sequence, dueUs: next.atUs });
      return next !== undefined;
    }
    const known = scheduler === undefined ? undefined : this.bySubject.get(scheduler);
    const nextUs = scheduleNext === undefined ? undefined : parseTimestamp(scheduleNext);
    if (scheduler === undefined || known === undefined || nextUs === undefined) return false;
    this.set(scheduler, { ...known, dueUs: nextUs });
    return true;
  }

  private set(subject: string, schedule: Schedule): void {
    const { sequence, dueUs } = schedule;
    this.removed(this.bySubject.get(subject)?.sequence ?? 0);
    this.bySubject.set(subject, schedule);
    this.bySequence.set(sequence, subject);
    this.due.add(dueUs, { subject, sequence });
  }

  private restartTimer(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const { nextUs } = this.due;
    if (nextUs === undefined) return;
    const waitMs = Math.ceil((nextUs - this.host.clock.nowUs()) / 1000);
    this.timer = this.host.clock.schedule(Math.min(MAX_WAIT_MS, Math.max(1, waitMs)), () => this.run());
  }

  private run(): void {
    const nowUs = this.host.clock.nowUs();
    const due = this.due.takeDue(nowUs, MAX_PER_TURN).sort((a, b) => a.sequence - b.sequence);
    for (const { subject, sequence } of due) {
      const schedule = this.bySubject.get(subject);
      // Entries of schedules that were replaced or moved are left in the queue.
      if (schedule?.sequence === sequence && schedule.dueUs <= nowUs) this.fire(subject, schedule, nowUs);
    }
    this.restartTimer();
  }

  private fire(subject: string, schedule: Schedule, nowUs: number): void {
    const message = readable(this.host.messages, schedule.sequence);
    const headers = message && readPublishHeaders(message.data, message.headerSizeBytes);
    const { schedule: pattern, scheduleTimeZone: timeZone, scheduleTarget: target } = headers ?? {};
    const next =
      pattern === undefined
        ? undefined
        : nextScheduledTime(pattern, { timeZone, fromUs: schedule.dueUs, nowUs });
    if (message === undefined || headers === undefined || next === undefined || target === undefined) {
      this.removed(schedule.sequence);
      return;
    }
    const { scheduleSource: source } = headers;
    const content = (source === undefined ? undefined : lastReadable(this.host.messages, source)) ?? message;
    const made = scheduledMessage(content, { subject, headers, next });
    if (!this.host.publish(target, made)) this.set(subject, { ...schedule, dueUs: nowUs + RETRY_US });
  }
}

const DROPPED: ReadonlySet<string> = new Set([
  JETSTREAM_HEADERS.messageId,
  JETSTREAM_HEADERS.ttl,
  JETSTREAM_HEADERS.rollup,
]);

/** What a schedule stores: its content, without what would keep it from being stored again. */
function scheduledMessage(
  content: FramedMessage,
  { subject, headers, next }: { subject: string; headers: PublishHeaders; next: ScheduledTime },
): FramedMessage {
  const { data, headerSizeBytes } = content;
  const kept = removeHeaders(
    data.subarray(0, headerSizeBytes),
    (name) => DROPPED.has(name) || name.startsWith("Nats-Schedule") || name.startsWith("Nats-Expected-"),
  );
  const { scheduleTtl: ttl, scheduleRollup: rollup } = headers;
  return withHeaders(
    { headerSizeBytes: kept.length, data: Buffer.concat([kept, data.subarray(headerSizeBytes)]) },
    [
      [JETSTREAM_HEADERS.scheduler, subject],
      [JETSTREAM_HEADERS.scheduleNext, next.repeats ? formatTimestamp(next.atUs) : "purge"],
      ...(ttl === undefined ? [] : [[JETSTREAM_HEADERS.ttl, ttl] as const]),
      ...(rollup === undefined ? [] : [[JETSTREAM_HEADERS.rollup, rollup] as const]),
    ],
  );
}
