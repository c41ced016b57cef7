import { describe, expect, it } from "vitest";
import { readPublishHeaders } from "./publish-headers.js";

function read(lines: string[], payload = "payload") {
  const block = `NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  return readPublishHeaders(Buffer.from(block + payload), Buffer.byteLength(block));
}

describe("readPublishHeaders", () => {
  it("reads what JetStream acts on and nothing else", () => {
    expect(
      read([
        "Foo: bar",
        "Nats-Msg-Id: m-1",
        "Nats-Expected-Stream:S",
        "Nats-Expected-Last-Sequence:   12",
        "Nats-Expected-Last-Subject-Sequence: 0",
        "Nats-Expected-Last-Msg-Id: m-0",
        "Nats-Rollup: SUB",
        "Nats-Other: x",
      ]),
    ).toEqual({
      messageId: "m-1",
      expectedStream: "S",
      expectedLastSequence: 12,
      expectedLastSubjectSequence: 0,
      expectedLastMessageId: "m-0",
      rollup: "sub",
    });
  });

  it("takes the first of several, and no empty one", () => {
    expect(read(["Nats-Msg-Id: one", "Nats-Msg-Id: two"])).toEqual({ messageId: "one" });
    expect(read(["Nats-Msg-Id: ", "Nats-Expected-Stream:"])).toBeUndefined();
  });

  it("compares names with their case and does not look into the payload", () => {
    expect(read(["nats-msg-id: m"])).toBeUndefined();
    expect(read([], "\r\nNats-Msg-Id: m\r\n")).toBeUndefined();
    expect(read([])).toBeUndefined();
  });

  it("marks a sequence that is no number", () => {
    expect(read(["Nats-Expected-Last-Sequence: x"])).toEqual({ expectedLastSequence: -1 });
  });

  it("keeps UTF-8 and colons in values", () => {
    expect(read(["Nats-Msg-Id: é:1"])).toEqual({ messageId: "é:1" });
  });
});
