import type { ConsumerConfig } from "@ganglion/protocol";
import { parseTimestamp } from "@ganglion/protocol";
import type { MessageStore } from "@ganglion/store";

/** The part of a message store that decides where a consumer starts. */
export type StartPositionSource = Pick<MessageStore, "state" | "last" | "sequenceAt" | "subjects">;

/** Where a new consumer starts. */
export interface StartPosition {
  /** Stream sequence of the first message to look at. */
  readonly sequence: number;
  /** For `last_per_subject`: exactly these are delivered before the consumer goes on at `sequence`. */
  readonly skipList: readonly number[];
}

/**
 * Decides where a new consumer starts, from its deliver policy.
 *
 * Source: nats-server consumer.go `selectStartingSeqNo`.
 */
export function startPosition(
  config: ConsumerConfig,
  source: StartPositionSource,
  maxMessagesPerSubject: number,
): StartPosition {
  const { firstSequence, lastSequence, messages } = source.state();
  const { deliver_policy: policy } = config;
  // With one message per subject, the last ones are all there are.
  if (policy === "last_per_subject" && messages > 0 && maxMessagesPerSubject !== 1) {
    return { sequence: lastSequence + 1, skipList: lastPerSubject(config, source) };
  }
  const wanted = wantedSequence(config, source, lastSequence);
  return { sequence: Math.min(Math.max(wanted, firstSequence), lastSequence + 1), skipList: [] };
}

function wantedSequence(config: ConsumerConfig, source: StartPositionSource, lastSequence: number): number {
  switch (config.deliver_policy) {
    case "all":
    case "last_per_subject":
      return 1;
    case "last":
      return lastMatching(filtersOf(config), source);
    case "by_start_sequence":
      return config.opt_start_seq ?? 1;
    case "by_start_time":
      return source.sequenceAt(parseTimestamp(config.opt_start_time ?? "") ?? 0);
    case "new":
      return lastSequence + 1;
  }
}

function lastMatching(filters: readonly string[], source: StartPositionSource): number {
  const wanted = filters.length === 0 ? [">"] : filters;
  return Math.max(...wanted.map((filter) => source.last(filter)?.sequence ?? 0));
}

function lastPerSubject(config: ConsumerConfig, source: StartPositionSource): number[] {
  const sequences = new Set<number>();
  for (const filter of filtersOf(config)) {
    for (const { lastSequence } of source.subjects(filter)) sequences.add(lastSequence);
  }
  return [...sequences].sort((a, b) => a - b);
}

/** Every subject filter of a consumer; none: it takes the whole stream. */
export function filtersOf(config: ConsumerConfig): readonly string[] {
  if (config.filter_subjects !== undefined && config.filter_subjects.length > 0)
    return config.filter_subjects;
  return config.filter_subject === undefined || config.filter_subject === "" ? [] : [config.filter_subject];
}
