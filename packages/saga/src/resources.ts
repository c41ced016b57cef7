import type { ResourcePlan, StreamDefaults } from "@ganglion/core/internal";
import type { SagaDefinition } from "./definition.js";
import {
  JOURNAL_STREAM,
  JOURNAL_SUBJECTS,
  TRIGGER_STREAM,
  TRIGGER_SUBJECTS,
  timerConsumer,
  triggerConsumer,
} from "./subjects.js";

/** Triggers all workers together may hold; delayed ones count. */
const MAX_TRIGGERS_PENDING = 50_000;
/** Timers that may wait: each waits as a delivered message with a delay, which counts as pending. */
const MAX_TIMERS_PENDING = 1_000_000;

/** The streams every saga class shares. */
export function streamPlans(saga: string, defaults: StreamDefaults): readonly ResourcePlan[] {
  const neededBy = `saga ${saga}`;
  return [
    {
      kind: "stream",
      neededBy,
      // Limits retention with one message per subject: with rollup, old entries are removed slowly when there are
      // many subjects.
      spec: {
        ...defaults,
        name: JOURNAL_STREAM,
        subjects: JOURNAL_SUBJECTS,
        maxMessagesPerSubject: 1,
        allowDirect: true,
      },
    },
    {
      kind: "stream",
      neededBy,
      // Limits retention, and the sweeper removes what is settled: on a work queue, old servers may deliver acked
      // messages again after they were killed.
      spec: { ...defaults, name: TRIGGER_STREAM, subjects: TRIGGER_SUBJECTS, allowDirect: true },
    },
  ];
}

/** Streams and consumers of one saga class. */
export function sagaPlans(
  { name, leaseMs }: SagaDefinition,
  defaults: StreamDefaults,
): readonly ResourcePlan[] {
  const neededBy = `saga ${name}`;
  const consumer = (spec: { name: string; filter: string; maxAckPending: number }): ResourcePlan => ({
    kind: "consumer",
    stream: TRIGGER_STREAM,
    neededBy,
    spec: {
      name: spec.name,
      filterSubjects: [spec.filter],
      ackWaitMs: leaseMs,
      maxAckPending: spec.maxAckPending,
    },
  });
  return [
    ...streamPlans(name, defaults),
    consumer({ name: triggerConsumer(name), filter: `trg.${name}.*.*`, maxAckPending: MAX_TRIGGERS_PENDING }),
    consumer({ name: timerConsumer(name), filter: `tmr.${name}.>`, maxAckPending: MAX_TIMERS_PENDING }),
  ];
}
