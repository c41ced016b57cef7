import type { ConsumerConfig } from "@ganglion/protocol";
import { subjectMatches } from "@ganglion/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeConsumerConfig } from "../api/config-codecs.js";
import { type StartPositionSource, startPosition } from "./deliver-policy.js";

interface Message {
  readonly sequence: number;
  readonly subject: string;
  readonly timestampUs: number;
}

/** A stream as a list of messages. */
function source(messages: readonly Message[], lastSequence: number): StartPositionSource {
  const matching = (filter: string) => messages.filter(({ subject }) => subjectMatches(filter, subject));
  return {
    state: () => ({
      messages: messages.length,
      bytes: 0,
      firstSequence: messages[0]?.sequence ?? lastSequence + 1,
      firstTimestampUs: 0,
      lastSequence,
      lastTimestampUs: 0,
      deletedCount: 0,
      deleted: [],
      subjectCount: 0,
      lost: [],
    }),
    last: (filter) => {
      const last = matching(filter).at(-1);
      return last === undefined ? undefined : { ...last, headerSizeBytes: 0, data: new Uint8Array() };
    },
    sequenceAt: (us) => messages.find(({ timestampUs }) => timestampUs >= us)?.sequence ?? lastSequence + 1,
    subjects: (filter) => {
      const bySubject = new Map<string, Message[]>();
      for (const message of matching(filter)) {
        bySubject.set(message.subject, [...(bySubject.get(message.subject) ?? []), message]);
      }
      return [...bySubject].map(([subject, held]) => ({
        subject,
        count: held.length,
        firstSequence: held[0]?.sequence ?? 0,
        lastSequence: held.at(-1)?.sequence ?? 0,
      }));
    },
  };
}

const config = (fields: Partial<ConsumerConfig>): ConsumerConfig => decodeConsumerConfig(fields);

describe("startPosition", () => {
  const stream = source(
    [
      { sequence: 3, subject: "a.1", timestampUs: 1_000_000 },
      { sequence: 4, subject: "b", timestampUs: 2_000_000 },
      { sequence: 6, subject: "a.1", timestampUs: 3_000_000 },
      { sequence: 8, subject: "a.2", timestampUs: 4_000_000 },
    ],
    9,
  );
  const start = (fields: Partial<ConsumerConfig>, perSubject = -1) =>
    startPosition(config(fields), stream, perSubject);

  it.each([
    [{ deliver_policy: "all" }, 3],
    [{ deliver_policy: "new" }, 10],
    [{ deliver_policy: "last" }, 8],
    [{ deliver_policy: "last", filter_subject: "b" }, 4],
    [{ deliver_policy: "last", filter_subjects: ["b", "a.1"] }, 6],
    [{ deliver_policy: "last", filter_subject: "none" }, 3],
    [{ deliver_policy: "by_start_sequence", opt_start_seq: 5 }, 5],
    [{ deliver_policy: "by_start_sequence", opt_start_seq: 1 }, 3],
    [{ deliver_policy: "by_start_sequence", opt_start_seq: 99 }, 10],
    [{ deliver_policy: "by_start_time", opt_start_time: "1970-01-01T00:00:02.5Z" }, 6],
    [{ deliver_policy: "by_start_time", opt_start_time: "2000-01-01T00:00:00Z" }, 10],
  ] as [Partial<ConsumerConfig>, number][])("%j begins at %i", (fields, sequence) => {
    expect(start(fields)).toEqual({ sequence, skipList: [] });
  });

  it("last per subject begins with the last message of each subject that matches", () => {
    expect(start({ deliver_policy: "last_per_subject", filter_subject: "a.*" })).toEqual({
      sequence: 10,
      skipList: [6, 8],
    });
    const several = { deliver_policy: "last_per_subject", filter_subjects: ["b", "a.*"] } as const;
    expect(start(several).skipList).toEqual([4, 6, 8]);
    expect(start({ deliver_policy: "last_per_subject", filter_subject: "a.*" }, 1)).toEqual({
      sequence: 3,
      skipList: [],
    });
  });

  it("never begins before the first message or beyond the next one", () => {
    const policy = fc.constantFrom("all", "last", "new", "by_start_sequence", "last_per_subject" as const);
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { maxLength: 8 }),
        policy,
        fc.integer({ min: 1, max: 20 }),
        (gaps, p, at) => {
          let sequence = 0;
          const messages = gaps.map((gap) => {
            sequence += gap + 1;
            return { sequence, subject: "s", timestampUs: 0 };
          });
          const held = source(messages, sequence + 1);
          const position = startPosition(
            config({ deliver_policy: p as "all", opt_start_seq: at, filter_subject: "s" }),
            held,
            -1,
          );
          expect(position.sequence).toBeLessThanOrEqual(sequence + 2);
          expect(position.skipList[0] ?? position.sequence).toBeGreaterThanOrEqual(
            held.state().firstSequence,
          );
        },
      ),
    );
  });
});
