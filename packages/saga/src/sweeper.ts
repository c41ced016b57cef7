import type { ConsumedMessage, JetStream, StoredMessage } from "@ganglion/core/internal";
import { type Clock, isGanglionError, type Logger, type Observer } from "@ganglion/kernel";
import type { SagaDefinition } from "./definition.js";
import { dueAtMsOf, JetStreamTriggers } from "./jetstream-triggers.js";
import { hasEnded, type SagaStatus } from "./journal.js";
import { readUpToNow } from "./read-up-to-now.js";
import {
  DUE_HEADER,
  idOf,
  JOURNAL_STREAM,
  STATUS_HEADER,
  sweepSubject,
  TRIGGER_STREAM,
  timerConsumer,
  triggerConsumer,
} from "./subjects.js";
import type { TriggerBody } from "./triggers.js";

/** What a sweep leaves to the next one, as the payload of the sweep message. */
interface SweepState {
  /** Every journal entry before this sequence belongs to a saga that has ended. */
  readonly journalFrom: number;
  /** Last sequence of the journal at the last sweep. */
  readonly journalSeen: number;
  /** Starts before this sequence are known to be in the journal. */
  readonly startsFrom: number;
}

/** What a {@link Sweeper} works with. */
export interface SweeperPorts {
  readonly jetstream: JetStream;
  readonly definition: SagaDefinition;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: Observer;
}

/** Options of a {@link Sweeper}. */
export interface SweeperOptions {
  /** Time between two sweeps, in milliseconds. */
  readonly intervalMs: number;
  readonly leaseMs: number;
}

/** What one sweep did. */
export interface SweepReport {
  /** Unfinished sagas nobody works on, woken. */
  readonly woken: number;
  /** Starts without an entry, started again. */
  readonly restarted: number;
  /** Ended sagas whose retention is over, removed. */
  readonly removed: number;
  /** Settled triggers, removed. */
  readonly purged: number;
}

const FIRST: SweepState = { journalFrom: 1, journalSeen: 0, startsFrom: 1 };
/** Ended sagas a sweep removes one by one, because an unfinished one before them keeps them from being purged. */
const MAX_SINGLE_REMOVALS = 1_000;

/**
 * Looks for sagas nothing will move any more (invariant I3): unfinished and idle, or started and without an entry,
 * after a server lost what it had not synced; and removes what is not needed any more.
 *
 * One at a time: the right to sweep is one message of the timer subject, delivered with a delay like a timer and
 * leased by not being acked. Each sweep replaces it.
 */
export class Sweeper {
  private readonly triggers: JetStreamTriggers;

  constructor(
    private readonly ports: SweeperPorts,
    private readonly options: SweeperOptions,
  ) {
    this.triggers = new JetStreamTriggers(ports.jetstream, ports.definition.name);
  }

  /** Makes sure that there is a sweep message. */
  async arm(): Promise<void> {
    try {
      await this.schedule(FIRST, 0);
    } catch (error) {
      if (!isGanglionError(error, "WRONG_LAST_SEQUENCE")) throw error; // there is one
    }
  }

  /** Takes a delivery of the sweep message, and settles it. */
  async handle(message: ConsumedMessage): Promise<SweepReport | undefined> {
    const { clock, logger, definition } = this.ports;
    const waitMs = dueAtMsOf(message) - clock.nowMs();
    if (waitMs > 0) {
      message.nak(waitMs);
      return undefined;
    }
    try {
      const { report, next } = await this.sweep(stateOf(message), () => message.working());
      await this.schedule(next, message.sequence);
      message.ack();
      return report;
    } catch (error) {
      if (isGanglionError(error, "WRONG_LAST_SEQUENCE")) {
        message.ack(); // this message was replaced already
        return undefined;
      }
      logger.warn("saga sweep failed", { saga: definition.name, error });
      message.nak(this.options.intervalMs);
      return undefined;
    }
  }

  private async schedule(state: SweepState, replaces: number): Promise<void> {
    const { jetstream, clock, definition } = this.ports;
    const data = new TextEncoder().encode(JSON.stringify(state));
    await jetstream.append(sweepSubject(definition.name), data, {
      headers: [[DUE_HEADER, String(clock.nowMs() + this.options.intervalMs)]],
      expectedLastSubjectSequence: replaces,
      expectedStream: TRIGGER_STREAM,
    });
  }

  private async sweep(state: SweepState, keepLease: () => void) {
    const scan = await this.scanJournal(state, keepLease);
    for (const idle of scan.idle) await this.wake(idle);
    const starts = await this.checkStarts(state, scan.seen, keepLease);
    const removed = await this.removeEnded(scan);
    const purged = starts.purged + (await this.purgeSettled(`tmr.${this.saga}.>`, timerConsumer(this.saga)));
    const report: SweepReport = { woken: scan.idle.length, restarted: starts.restarted, removed, purged };
    const next: SweepState = {
      journalFrom: scan.firstOpen,
      journalSeen: scan.last,
      startsFrom: starts.next,
    };
    if (report.woken + report.restarted > 0) {
      this.ports.logger.warn("saga sweep found sagas nobody worked on", { saga: this.saga, ...report });
    }
    return { report, next };
  }

  private get saga(): string {
    return this.ports.definition.name;
  }

  private async scanJournal(state: SweepState, keepLease: () => void): Promise<Scan> {
    const { clock, definition } = this.ports;
    const nowMs = clock.nowMs();
    const scan: Scan = {
      idle: [],
      expired: [],
      seen: new Set(),
      firstOpen: 0,
      last: state.journalSeen,
      open: new Map(),
    };
    await readUpToNow(this.ports.jetstream, JOURNAL_STREAM, {
      filterSubject: `saga.${this.saga}.*`,
      fromSequence: state.journalFrom,
      headersOnly: true,
      onBatch: (messages) => {
        keepLease();
        for (const message of messages) this.look(message, { scan, state, nowMs, definition });
      },
    });
    if (scan.firstOpen === 0) scan.firstOpen = scan.last + 1;
    for (const status of OPEN_STATUSES) {
      const attributes = { "ganglion.saga.name": this.saga, status };
      this.ports.observer.gauge("ganglion.saga.open", scan.open.get(status) ?? 0, attributes);
    }
    return scan;
  }

  private look(
    message: StoredMessage,
    {
      scan,
      state,
      nowMs,
      definition,
    }: { scan: Scan; state: SweepState; nowMs: number; definition: SagaDefinition },
  ): void {
    const { sequence, timestampMs } = message;
    if (sequence > state.journalSeen) scan.seen.add(idOf(message.subject));
    scan.last = Math.max(scan.last, sequence);
    const status = message.headers.get(STATUS_HEADER) as SagaStatus; // written by the journal
    if (hasEnded(status)) {
      if (nowMs - timestampMs > definition.retentionMs) scan.expired.push(sequence);
      return;
    }
    if (scan.firstOpen === 0) scan.firstOpen = sequence;
    scan.open.set(status, (scan.open.get(status) ?? 0) + 1);
    const due = message.headers.get(DUE_HEADER);
    const idleSinceMs = status === "suspended" ? Number(due ?? Number.POSITIVE_INFINITY) : timestampMs;
    if (status !== "stuck" && nowMs - idleSinceMs > IDLE_LEASES * this.options.leaseMs)
      scan.idle.push(message);
  }

  private async wake(message: StoredMessage): Promise<void> {
    const id = idOf(message.subject);
    await this.triggers.publish(id, { kind: "wake" }, `${this.saga}:${id}:wake:${message.sequence}`);
  }

  /** Looks at the starts that were settled since the last sweep; then they can go. */
  private async checkStarts(state: SweepState, seen: ReadonlySet<string>, keepLease: () => void) {
    const { jetstream } = this.ports;
    const settled = await this.settledUpTo(triggerConsumer(this.saga));
    let restarted = 0;
    if (settled >= state.startsFrom) {
      await readUpToNow(jetstream, TRIGGER_STREAM, {
        filterSubject: `trg.${this.saga}.start.*`,
        fromSequence: state.startsFrom,
        toSequence: settled,
        onBatch: async (messages) => {
          keepLease();
          for (const message of messages) {
            if (!seen.has(idOf(message.subject)) && (await this.restart(message))) restarted++;
          }
        },
      });
    }
    const purged = await this.purgeSettled(`trg.${this.saga}.*.*`, triggerConsumer(this.saga), settled);
    return { restarted, purged, next: Math.max(state.startsFrom, settled + 1) };
  }

  private async restart(message: StoredMessage): Promise<boolean> {
    const id = idOf(message.subject);
    const { jetstream } = this.ports;
    const entry = await jetstream.get(
      JOURNAL_STREAM,
      { lastOf: `saga.${this.saga}.${lastToken(message.subject)}` },
      { consistency: "leader" },
    );
    if (entry !== undefined) return false;
    const body = JSON.parse(new TextDecoder().decode(message.data)) as Extract<
      TriggerBody,
      { kind: "start" }
    >;
    await this.triggers.publish(id, body, `${this.saga}:${id}:restart:${message.sequence}`);
    return true;
  }

  private async settledUpTo(consumer: string): Promise<number> {
    const info = await this.ports.jetstream.consumers.info(TRIGGER_STREAM, consumer);
    return info?.ackFloorSequence ?? 0;
  }

  private async purgeSettled(subject: string, consumer: string, settled?: number): Promise<number> {
    const upTo = settled ?? (await this.settledUpTo(consumer));
    if (upTo === 0) return 0;
    return await this.ports.jetstream.streams.purge(TRIGGER_STREAM, { subject, beforeSequence: upTo + 1 });
  }

  /** Ended sagas before the first unfinished one go together, those behind it one by one. */
  private async removeEnded(scan: Scan): Promise<number> {
    const { streams } = this.ports.jetstream;
    const cut = await this.lastExpiredBefore(scan.firstOpen);
    let removed = 0;
    if (cut > 0) {
      removed += await streams.purge(JOURNAL_STREAM, {
        subject: `saga.${this.saga}.*`,
        beforeSequence: cut + 1,
      });
    }
    const single = scan.expired.filter((sequence) => sequence > cut).slice(0, MAX_SINGLE_REMOVALS);
    const outcomes = await Promise.all(
      single.map((sequence) => streams.deleteMessage(JOURNAL_STREAM, sequence)),
    );
    return removed + outcomes.filter(Boolean).length;
  }

  private async lastExpiredBefore(firstOpen: number): Promise<number> {
    const cutoffMs = this.ports.clock.nowMs() - this.ports.definition.retentionMs;
    let last = 0;
    await readUpToNow(this.ports.jetstream, JOURNAL_STREAM, {
      filterSubject: `saga.${this.saga}.*`,
      fromSequence: 1,
      toSequence: firstOpen - 1,
      headersOnly: true,
      onBatch: (messages) => {
        for (const message of messages) {
          if (message.timestampMs > cutoffMs) return "stop";
          last = message.sequence;
        }
        return undefined;
      },
    });
    return last;
  }
}

const OPEN_STATUSES = ["running", "compensating", "suspended", "stuck"] as const;
/** A running saga is renewed three times per lease; one that was not for this many leases is idle. */
const IDLE_LEASES = 3;

interface Scan {
  readonly idle: StoredMessage[];
  /** Sequences of ended sagas whose retention is over. */
  readonly expired: number[];
  /** Sagas whose entry changed since the last sweep. */
  readonly seen: Set<string>;
  /** Unfinished sagas by status. */
  readonly open: Map<SagaStatus, number>;
  /** Sequence of the first entry of an unfinished saga. */
  firstOpen: number;
  last: number;
}

function stateOf(message: ConsumedMessage): SweepState {
  return { ...FIRST, ...(JSON.parse(new TextDecoder().decode(message.data)) as Partial<SweepState>) };
}

function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}
