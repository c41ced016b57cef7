import type { StreamConfig } from "@ganglion/protocol";
import { describe, expect, it } from "vitest";
import { decodeStreamConfig } from "../api/config-codecs.js";
import { checkPublish, type PublishFacts } from "./publish-checks.js";
import type { PublishHeaders } from "./publish-headers.js";

const facts: PublishFacts = {
  subject: "own",
  payloadSizeBytes: 0,
  isSourced: false,
  nowUs: Date.UTC(2026, 0, 1) * 1000,
  hasSchedule: (subject) => (subject === "schedule" ? true : subject === "plain" ? false : undefined),
  lastSequence: 9,
  lastMessageId: () => "last",
  lastSubjectSequence: (subject) => (subject === "other" ? 3 : 7),
  duplicateOf: (id) => (id === "known" ? 5 : undefined),
};

function check(headers: PublishHeaders, config: Partial<StreamConfig> = {}) {
  return checkPublish(headers, decodeStreamConfig({ name: "S", ...config }), facts);
}

const code = (headers: PublishHeaders, config?: Partial<StreamConfig>) => {
  const verdict = check(headers, config);
  return verdict.kind === "refuse" ? verdict.error.err_code : verdict.kind;
};

describe("checkPublish", () => {
  it("accepts what holds", () => {
    const headers = {
      expectedStream: "S",
      expectedLastSequence: 9,
      expectedLastSubjectSequence: 7,
      expectedLastMessageId: "last",
      messageId: "new",
    };
    expect(check(headers)).toMatchObject({ kind: "accept", messageId: "new", rollup: undefined });
  });

  it("refuses what does not hold, with the last sequence in words", () => {
    expect(code({ expectedStream: "T" })).toBe(10060);
    expect(check({ expectedLastSequence: 8 })).toMatchObject({
      error: { description: "wrong last sequence: 9" },
    });
    expect(check({ expectedLastSubjectSequence: 0 })).toMatchObject({
      error: { description: "wrong last sequence: 7" },
    });
    expect(check({ expectedLastMessageId: "x" })).toMatchObject({
      error: { err_code: 10070, description: "wrong last msg ID: last" },
    });
  });

  it("looks at another subject when the publisher names one", () => {
    const other = { expectedLastSubjectSequenceSubject: "other" };
    expect(code({ ...other, expectedLastSubjectSequence: 3 })).toBe("accept");
    expect(code({ ...other, expectedLastSubjectSequence: 7 })).toBe(10071);
    expect(code(other)).toBe(10193);
  });

  it("checks in the order of nats-server 2.12", () => {
    expect(code({ expectedStream: "T", expectedLastSequence: 1 })).toBe(10060);
    expect(code({ expectedLastSequence: 1, messageId: "known" })).toBe(10071);
    expect(check({ messageId: "known", expectedLastMessageId: "x" })).toEqual({
      kind: "duplicate",
      sequence: 5,
    });
    expect(code({ expectedLastMessageId: "x", rollup: "bad" })).toBe(10070);
  });

  it("rolls up where the stream allows it", () => {
    const allowed = { allow_rollup_hdrs: true };
    expect(check({ rollup: "sub" }, allowed)).toMatchObject({ kind: "accept", messageId: "", rollup: "sub" });
    expect(check({ rollup: "all" }, allowed)).toMatchObject({ kind: "accept", messageId: "", rollup: "all" });
    expect(code({ rollup: "some" }, allowed)).toBe(10111);
    expect(code({ rollup: "sub" })).toBe(10111);
    expect(code({ rollup: "sub" }, { ...allowed, deny_purge: true })).toBe(10111);
  });
});

describe("checkPublish of counters, TTLs and schedules", () => {
  const counter = { allow_msg_counter: true };
  const schedules = {
    allow_msg_schedules: true,
    allow_rollup_hdrs: true,
    subjects: ["own", "other", "third"],
  };
  const schedule = { schedule: "@at 2030-01-01T00:00:00Z", scheduleTarget: "other" };

  it("refuses with the error of each rule", () => {
    const rows: [PublishHeaders, Partial<StreamConfig>, number | string][] = [
      [{ increment: "x" }, counter, 10171],
      [{ increment: "1" }, {}, 10168],
      [{ increment: "1", rollup: "sub" }, counter, 10171],
      [{ increment: "1", expectedLastSequence: 9 }, counter, 10171],
      [{}, counter, 10169],
      [{ increment: "-12" }, counter, "accept"],
      [{ ttl: "5" }, {}, 10166],
      [{ ttl: "x" }, {}, "accept"],
      [{ streamSource: "S 1" }, {}, 10227],
      [schedule, {}, 10188],
      [{ ...schedule, schedule: "@at tomorrow" }, schedules, 10189],
      [{ ...schedule, schedule: "@every 10ms" }, schedules, 10189],
      [{ ...schedule, scheduleTimeZone: "Mars/Olympus" }, schedules, 10223],
      [{ ...schedule, scheduleTimeZone: "Europe/Berlin" }, schedules, 10189],
      [{ ...schedule, schedule: "0 0 3 * * *", scheduleTimeZone: "Europe/Berlin" }, schedules, "accept"],
      [{ ...schedule, scheduleTtl: "x" }, schedules, 10191],
      [{ ...schedule, scheduleTtl: "5s" }, schedules, 10166],
      [{ ...schedule, scheduleRollup: "all" }, schedules, 10192],
      [{ ...schedule, scheduleTarget: "own" }, schedules, 10190],
      [{ ...schedule, scheduleTarget: "far" }, schedules, 10190],
      [{ ...schedule, scheduleTarget: "other.>" }, schedules, 10190],
      [{ ...schedule, scheduleSource: "other" }, schedules, 10203],
      [{ ...schedule, scheduleSource: "third" }, schedules, "accept"],
      [{ ...schedule, rollup: "all" }, schedules, 10192],
      [{ scheduleNext: "2030-01-01T00:00:00Z" }, schedules, 10212],
      [{ scheduler: "schedule" }, schedules, 10212],
      [{ scheduleNext: "purge", scheduler: "plain" }, schedules, 10212],
      [{ scheduleNext: "purge", scheduler: "schedule" }, schedules, "accept"],
      [{ scheduleNext: "purge", scheduler: "schedule" }, {}, 10188],
    ];
    expect(rows.map(([headers, config]) => [headers, config, code(headers, config)])).toEqual(rows);
  });

  it("lets pass what another stream has checked", () => {
    const sourced = { ...facts, isSourced: true, payloadSizeBytes: 9 };
    const headers = { increment: "1", ttl: "5", streamSource: "O 1", rollup: "sub", scheduler: "x" };
    const config = decodeStreamConfig({ name: "S" });
    expect(checkPublish(headers, config, sourced).kind).toBe("accept");
  });

  it("makes a schedule replace the one before it", () => {
    expect(check(schedule, schedules)).toMatchObject({ rollup: "sub", isSchedule: true });
  });
});
