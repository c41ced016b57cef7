import { describe, expect, it } from "vitest";
import { ackConsumerKey, ackSubject, parseAck, parseAckSubject } from "./ack.js";

const parse = (text: string) => parseAck(Buffer.from(text));

describe("parseAck", () => {
  it.each(["", "+ACK", "+OK"])("takes %j as an acknowledgement", (text) => {
    expect(parse(text)).toEqual({ kind: "ack" });
  });

  it("reads a nak with and without a delay", () => {
    expect(parse("-NAK")).toEqual({ kind: "nak", delayNs: undefined });
    expect(parse('-NAK {"delay": 5000000}')).toEqual({ kind: "nak", delayNs: 5_000_000 });
    expect(parse("-NAK 1.5s")).toEqual({ kind: "nak", delayNs: 1_500_000_000 });
  });

  it.each(["soon", '{"delay":"1s"}', "{", '{"delay":1.5}'])("reports the delay %j as invalid", (delay) => {
    expect(parse(`-NAK ${delay}`)).toEqual({ kind: "nak", delayNs: undefined, invalidDelay: delay });
  });

  it("reads progress, next and term", () => {
    expect(parse("+WPI")).toEqual({ kind: "progress" });
    expect(parse('+NXT {"batch":2}')).toEqual({ kind: "next", request: ' {"batch":2}' });
    expect(parse("+TERM")).toEqual({ kind: "term", reason: "" });
    expect(parse("+TERM poison pill")).toEqual({ kind: "term", reason: "poison pill" });
  });

  it.each(["+WPI ", "hello", "+ACKS"])("knows nothing of %j", (text) => {
    expect(parse(text)).toEqual({ kind: "unknown" });
  });
});

describe("parseAckSubject", () => {
  it("reads what ackSubject wrote", () => {
    const subject = ackSubject("$JS.ACK.ORDERS.worker.", {
      deliveries: 3,
      streamSequence: 41,
      consumerSequence: 17,
      timestampUs: 1_700_000_000_123_456,
      pending: 9,
    });
    expect(subject).toBe("$JS.ACK.ORDERS.worker.3.41.17.1700000000123456000.9");
    expect(parseAckSubject(subject)).toEqual({
      consumerKey: ackConsumerKey("ORDERS", "worker"),
      deliveries: 3,
      streamSequence: 41,
      consumerSequence: 17,
    });
  });

  it("marks what is no number", () => {
    expect(parseAckSubject("$JS.ACK.S.C.x.1..3.4")).toMatchObject({ deliveries: -1, consumerSequence: -1 });
  });

  it.each(["$JS.ACK.S.C.1.2.3.4", "$JS.ACK.S.C.1.2.3.4.5.6", "$JS.API.S.C.1.2.3.4.5", "", "$JS.ACK."])(
    "refuses %j",
    (subject) => {
      expect(parseAckSubject(subject)).toBeUndefined();
    },
  );
});
