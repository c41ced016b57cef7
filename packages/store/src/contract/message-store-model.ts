import { VirtualClock } from "@ganglion/kernel";
import { subjectMatches } from "@ganglion/protocol";
import fc from "fast-check";
import { expect } from "vitest";
import {
  accountedSizeBytes,
  type MessageStore,
  type PurgeOptions,
  type StoreLimits,
} from "../message-store.js";
import type { OpenStream, ReopenStream } from "./message-store-contract.js";
import { RecordingListener, UNLIMITED } from "./recording-listener.js";
import { testSeed } from "./test-seed.js";

type Operation =
  | { readonly kind: "append"; readonly subject: string; readonly sizeBytes: number; readonly skip: number }
  | { readonly kind: "remove"; readonly at: number }
  | { readonly kind: "purge"; readonly filter?: string; readonly at?: number; readonly keep?: number }
  | { readonly kind: "limits"; readonly limits: StoreLimits }
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "flush" }
  | { readonly kind: "reopen" };

interface ModelMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly timestampUs: number;
  readonly data: Buffer;
}

/** The simplest store that keeps the contract: an array. */
class Model {
  messages: ModelMessage[] = [];
  lastSequence = 0;
  private durable = 0;
  limits = UNLIMITED;
  readonly removals: string[] = [];

  append(message: ModelMessage): void {
    this.messages.push(message);
    this.lastSequence = message.sequence;
  }

  removeWhere(reason: string, condition: (message: ModelMessage) => boolean): number {
    const before = this.messages.length;
    for (const message of this.messages.filter(condition))
      this.removals.push(`${message.sequence} ${reason}`);
    this.messages = this.messages.filter((message) => !condition(message));
    return before - this.messages.length;
  }

  purge({ filter = ">", beforeSequence, keep = 0 }: PurgeOptions): number {
    const matching = this.matching([filter]);
    const end = Math.max(0, matching.length - keep);
    const taken = matching
      .slice(0, end)
      .filter(({ sequence }) => sequence < (beforeSequence ?? Number.MAX_SAFE_INTEGER));
    if (filter === ">" && keep === 0 && beforeSequence !== undefined) {
      this.lastSequence = Math.max(this.lastSequence, beforeSequence - 1);
    }
    return this.removeWhere("purged", (message) => taken.includes(message));
  }

  matching(filters: readonly string[]): ModelMessage[] {
    return this.messages.filter(({ subject }) => filters.some((filter) => subjectMatches(filter, subject)));
  }

  setLimits(limits: StoreLimits, nowUs: number): void {
    this.limits = limits;
    this.enforce(nowUs);
  }

  flush(nowUs: number): void {
    this.durable = this.lastSequence;
    this.enforce(nowUs);
  }

  enforce(nowUs: number): void {
    const { maxMessages, maxBytes, maxAgeUs, maxMessagesPerSubject } = this.limits;
    const durable = () => this.messages.filter(({ sequence }) => sequence <= this.durable);
    const drop = (reason: string, doomed: ModelMessage | undefined) =>
      void this.removeWhere(reason, (message) => message === doomed);
    for (const subject of new Set(durable().map((message) => message.subject))) {
      const same = durable().filter((message) => message.subject === subject);
      if (maxMessagesPerSubject > 0)
        for (const old of same.slice(0, -maxMessagesPerSubject)) drop("limit", old);
    }
    while (maxMessages > 0 && durable().length > maxMessages) drop("limit", durable()[0]);
    while (maxBytes > 0 && sizeOf(durable()) > maxBytes) drop("limit", durable()[0]);
    this.expire(nowUs, maxAgeUs);
  }

  expire(nowUs: number, maxAgeUs = this.limits.maxAgeUs): void {
    if (maxAgeUs <= 0) return;
    this.removeWhere(
      "age",
      (message) => message.sequence <= this.durable && message.timestampUs + maxAgeUs <= nowUs,
    );
  }
}

function sizeOf(messages: readonly ModelMessage[]): number {
  let sum = 0;
  for (const { subject, data } of messages) sum += accountedSizeBytes(subject.length, 0, data.length);
  return sum;
}

const FILTERS = [">", "a", "a.*", "*.b", "a.>", "c.b", "*", "a.*.c", "nope"];
const limit = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 }));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      subject: fc.constantFrom("a", "a.b", "a.b.c", "a.c", "c.b", "c", "a.d.c"),
      sizeBytes: fc.integer({ min: 0, max: 40 }),
      skip: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 5000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("remove" as const), at: fc.nat(200) }) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        kind: fc.constant("purge" as const),
        filter: fc.constantFrom(...FILTERS),
        at: fc.nat(200),
        keep: fc.nat(5),
      },
      { requiredKeys: ["kind"] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("limits" as const),
      limits: fc.record({
        maxMessages: limit,
        maxBytes: limit.map((count) => count * 40),
        maxAgeUs: limit.map((count) => count * 1_000),
        maxMessagesPerSubject: limit,
      }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
);

/** Runs random operations on a store and on the model. The seed is in the log; set `GANGLION_SEED` to repeat. */
export async function compareWithModel(openStream: OpenStream, reopen?: ReopenStream): Promise<void> {
  const seed = testSeed("message store against model");
  const operations = fc.array(operation, { minLength: 20, maxLength: 300, size: "max" });
  const property = fc.asyncProperty(operations, (list) =>
    runOnce(reopen === undefined ? { openStream } : { openStream, reopen }, list),
  );
  await fc.assert(property, { seed, numRuns: 40, endOnFailure: true });
}

async function runOnce({ openStream, reopen }: Engine, operations: readonly Operation[]): Promise<void> {
  const clock = new VirtualClock();
  const listener = new RecordingListener();
  let stream = await openStream({ limits: UNLIMITED, listener }, clock);
  const model = new Model();
  try {
    for (const [index, step] of operations.entries()) {
      // These are the only awaits: nothing becomes durable in between.
      if (step.kind === "flush" || step.kind === "reopen") {
        await stream.messages.flush();
        model.flush(clock.nowUs());
        if (step.kind === "reopen" && reopen !== undefined) {
          stream = await reopen(stream, { limits: model.limits, listener }, clock);
        }
      } else apply(step, { store: stream.messages, model, clock, index });
      if (step.kind !== "append") compare(stream.messages, model);
    }
    await stream.messages.flush();
    model.flush(clock.nowUs());
    compare(stream.messages, model);
    // Which limit acts first depends on how an engine groups its commits.
    const told = (removals: readonly string[]) => removals.map((text) => text.replace("age", "limit"));
    const bySequence = (left: string, right: string) =>
      Number.parseInt(left, 10) - Number.parseInt(right, 10);
    expect(told(listener.takeRemovals())).toEqual(told(model.removals.sort(bySequence)));
  } finally {
    await stream.close();
  }
}

interface Engine {
  readonly openStream: OpenStream;
  readonly reopen?: ReopenStream;
}

interface Pair {
  readonly store: MessageStore;
  readonly model: Model;
  readonly clock: VirtualClock;
  readonly index: number;
}

function apply(
  step: Exclude<Operation, { kind: "flush" | "reopen" }>,
  { store, model, clock, index }: Pair,
): void {
  switch (step.kind) {
    case "append": {
      const data = Buffer.alloc(step.sizeBytes, index);
      const timestampUs = clock.nowUs();
      const next = model.lastSequence + 1 + step.skip;
      const message = { subject: step.subject, timestampUs, headerSizeBytes: 0, data };
      const sequence = store.append(step.skip > 0 ? { ...message, sequence: next } : message);
      expect(sequence).toBe(next);
      model.append({ sequence, subject: step.subject, timestampUs, data });
      break;
    }
    case "remove": {
      const sequence = model.messages[step.at % (model.messages.length + 1)]?.sequence ?? step.at;
      const removed = model.removeWhere("removed", (message) => message.sequence === sequence);
      expect(store.remove(sequence)).toBe(removed === 1);
      break;
    }
    case "purge": {
      const options: { filter?: string; keep?: number; beforeSequence?: number } = {};
      if (step.filter !== undefined) options.filter = step.filter;
      if (step.keep !== undefined) options.keep = step.keep;
      if (step.at !== undefined)
        options.beforeSequence = (model.messages[step.at]?.sequence ?? model.lastSequence) + 1;
      expect(store.purge(options)).toBe(model.purge(options));
      break;
    }
    case "limits":
      model.setLimits(step.limits, clock.nowUs());
      store.setLimits(step.limits);
      break;
    case "advance":
      clock.advance(step.ms);
      model.expire(clock.nowUs());
      break;
  }
}

function compare(store: MessageStore, model: Model): void {
  const { messages, lastSequence } = model;
  const state = store.state();
  const firstSequence = messages[0]?.sequence ?? lastSequence + 1;
  expect({ ...state, lastTimestampUs: 0, deleted: [], lost: [] }).toEqual({
    messages: messages.length,
    bytes: sizeOf(messages),
    firstSequence,
    firstTimestampUs: messages[0]?.timestampUs ?? 0,
    lastSequence,
    lastTimestampUs: 0,
    deletedCount: lastSequence + 1 - firstSequence - messages.length,
    deleted: [],
    subjectCount: new Set(messages.map(({ subject }) => subject)).size,
    lost: [],
  });
  for (const { sequence, subject, data } of messages) {
    const found = store.read(sequence);
    expect([found?.subject, Buffer.from(found?.data ?? []).equals(data)]).toEqual([subject, true]);
  }
  const probe = messages[Math.floor(messages.length / 2)]?.sequence ?? 1;
  for (const filter of FILTERS) {
    const matching = model.matching([filter]);
    const later = matching.filter(({ sequence }) => sequence >= probe);
    expect(store.next(probe, [filter])?.sequence).toBe(later[0]?.sequence);
    expect(store.count(probe, [filter])).toBe(later.length);
    expect(store.last(filter, probe)?.sequence).toBe(
      matching.findLast(({ sequence }) => sequence <= probe)?.sequence,
    );
    expect([...store.subjects(filter)].length).toBe(new Set(matching.map(({ subject }) => subject)).size);
  }
  const timestampUs = messages[Math.floor(messages.length / 3)]?.timestampUs ?? 0;
  const at = messages.find((message) => message.timestampUs >= timestampUs)?.sequence ?? lastSequence + 1;
  expect(store.sequenceAt(timestampUs)).toBe(at);
}
