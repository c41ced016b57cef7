import type { StreamConfig } from "@ganglion/protocol";
import { describe, expect, it } from "vitest";
import { decodeStreamConfig } from "../api/config-codecs.js";
import { checkPublish, type PublishFacts } from "./publish-checks.js";
import type { PublishHeaders } from "./publish-headers.js";

const facts: PublishFacts = {
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
    expect(check(headers)).toEqual({ kind: "accept", messageId: "new", rollup: undefined });
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
    expect(check({ rollup: "sub" }, allowed)).toEqual({ kind: "accept", messageId: "", rollup: "sub" });
    expect(check({ rollup: "all" }, allowed)).toEqual({ kind: "accept", messageId: "", rollup: "all" });
    expect(code({ rollup: "some" }, allowed)).toBe(10111);
    expect(code({ rollup: "sub" })).toBe(10111);
    expect(code({ rollup: "sub" }, { ...allowed, deny_purge: true })).toBe(10111);
  });
});
