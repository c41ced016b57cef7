import { describe, expect, it } from "vitest";
import type { AccountBus, BusMessage } from "../account-bus.js";
import { PubAcks } from "./pub-acks.js";

function acksWithDomain(domain: string | undefined) {
  const sent: string[] = [];
  const publish = ({ subject, data }: BusMessage) => {
    sent.push(`${subject} ${Buffer.from(data).toString()}`);
    return 1;
  };
  const acks = new PubAcks({ publish } as unknown as AccountBus, 'the "stream"', domain);
  return { acks, sent };
}

describe("PubAcks", () => {
  it.each([1, 9, 10, 99, 100, 4_294_967_296, 4_999_999_999_999, Number.MAX_SAFE_INTEGER])(
    "writes sequence %d, of a first and of a repeated publish",
    (sequence) => {
      const { acks, sent } = acksWithDomain("hub");
      acks.add("first", sequence);
      acks.addDuplicate("again", sequence, sequence);
      acks.release(sequence);
      expect(sent).toEqual([
        `first {"stream":"the \\"stream\\"", "domain":"hub", "seq":${sequence}}`,
        `again {"stream":"the \\"stream\\"", "domain":"hub", "seq":${sequence},"duplicate": true}`,
      ]);
    },
  );

  it("sends nothing that is not durable, and an error for what failed", () => {
    const { acks, sent } = acksWithDomain(undefined);
    for (const sequence of [1, 2, 3]) acks.add(`reply.${sequence}`, sequence);
    acks.release(1);
    acks.fail(2, "the disk is full");
    acks.release(9);
    expect(sent.map((line) => line.split(" ")[0])).toEqual(["reply.1", "reply.2", "reply.3"]);
    expect(sent[2]).toContain("the disk is full");
  });
});
