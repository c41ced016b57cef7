import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeHeaders, encodeHeaders, getHeader, hasHeader, removeHeaders, setHeaders } from "./headers.js";

const block = encodeHeaders({
  entries: [
    ["Nats-Msg-Id", "abc"],
    ["X", "1"],
    ["x", "lower"],
    ["X", "2"],
    ["Empty", ""],
  ],
});

test("encodeHeaders writes the version line, the lines in order and an empty line", () => {
  expect(encodeHeaders({ entries: [["A", "b c"]] }).toString()).toBe("NATS/1.0\r\nA: b c\r\n\r\n");
  expect(encodeHeaders({ status: 503, entries: [] }).toString()).toBe("NATS/1.0 503\r\n\r\n");
  expect(encodeHeaders({ status: 100, description: "Idle Heartbeat", entries: [] }).toString()).toBe(
    "NATS/1.0 100 Idle Heartbeat\r\n\r\n",
  );
});

test.each([
  ["", "v"],
  ["a b", "v"],
  ["a:b", "v"],
  ["a\n", "v"],
  ["a", "v\r\nInjected: yes"],
])("encodeHeaders and setHeaders refuse %j: %j", (name, value) => {
  const invalid = expect.objectContaining({ code: "INVALID_HEADER" });
  expect(() => encodeHeaders({ entries: [[name, value]] })).toThrow(invalid);
  expect(() => setHeaders(block, [[name, value]])).toThrow(invalid);
});

test("decodeHeaders reads status, description and entries", () => {
  expect(decodeHeaders(Buffer.from("NATS/1.0 404 No Messages\r\nA:b\r\nA:  c \r\n\r\n"))).toEqual({
    status: 404,
    description: "No Messages",
    entries: [
      ["A", "b"],
      ["A", "c"],
    ],
  });
  expect(decodeHeaders(Buffer.from("NATS/1.0503\r\n\r\n".replace("0503", "0 503")))).toMatchObject({
    status: 503,
  });
  expect(decodeHeaders(Buffer.from("NATS/1.0\r\n\r\npayload"), 12)).toEqual({ entries: [] });
});

test("decodeHeaders refuses what is no header block", () => {
  const malformed = expect.objectContaining({ code: "MALFORMED_HEADERS" });
  expect(() => decodeHeaders(Buffer.from("HTTP/1.1 200\r\n\r\n"))).toThrow(malformed);
  expect(() => decodeHeaders(Buffer.from("NATS/1.0\r\nno colon\r\n\r\n"))).toThrow(malformed);
});

test("getHeader reads the first of a name, exactly, and not what the payload says", () => {
  const message = Buffer.concat([block, Buffer.from("\r\nPayload: yes\r\n")]);
  expect(getHeader(message, "Nats-Msg-Id", block.length)).toBe("abc");
  expect(getHeader(message, "X", block.length)).toBe("1");
  expect(getHeader(message, "x", block.length)).toBe("lower");
  expect(getHeader(message, "Empty", block.length)).toBe("");
  expect(getHeader(message, "Nats-Msg", block.length)).toBeUndefined();
  expect(getHeader(message, "Payload", block.length)).toBeUndefined();
  expect(hasHeader(message, "X", block.length)).toBe(true);
  expect(hasHeader(message, "Msg-Id", block.length)).toBe(false);
  expect(getHeader(Buffer.alloc(0), "X")).toBeUndefined();
  expect(getHeader(Buffer.from("NATS/1.0\r\nA: cut"), "A")).toBe("cut");
});

test("getHeader works on a view into a larger buffer", () => {
  const larger = Buffer.concat([Buffer.from("zzz"), block]);
  expect(getHeader(larger.subarray(3), "X")).toBe("1");
});

test("setHeaders replaces every header of the name and appends the new ones", () => {
  expect(setHeaders(block, { X: "9", New: "n" }).toString()).toBe(
    "NATS/1.0\r\nNats-Msg-Id: abc\r\nx: lower\r\nEmpty: \r\nX: 9\r\nNew: n\r\n\r\n",
  );
  expect(setHeaders(Buffer.alloc(0), [["A", "1"]]).toString()).toBe("NATS/1.0\r\nA: 1\r\n\r\n");
  expect(
    setHeaders(encodeHeaders({ status: 100, description: "x", entries: [] }), { A: "1" }).toString(),
  ).toBe("NATS/1.0 100 x\r\nA: 1\r\n\r\n");
});

test("removeHeaders keeps the bytes of the others and gives the same block when nothing matches", () => {
  expect(Buffer.from(removeHeaders(block, (name) => name.startsWith("X"))).toString()).toBe(
    "NATS/1.0\r\nNats-Msg-Id: abc\r\nx: lower\r\nEmpty: \r\n\r\n",
  );
  expect(removeHeaders(block, () => false)).toBe(block);
  expect(Buffer.from(removeHeaders(block, () => true)).toString()).toBe("NATS/1.0\r\n\r\n");
});

describe("round trip (a failure prints its seed)", () => {
  const name = fc.constantFrom("A", "Bb", "Nats-Expected-Last-Sequence", "x");
  const value = fc
    .string({ maxLength: 12, unit: "grapheme" })
    .map((text) => text.replace(/[\r\n]/g, "").trim());

  test("what encodeHeaders writes, decodeHeaders and getHeader read", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (entries) => {
        const bytes = encodeHeaders({ entries });
        expect(decodeHeaders(bytes)).toEqual({ entries });
        for (const [key] of entries) {
          expect(getHeader(bytes, key)).toBe(entries.find(([other]) => other === key)?.[1]);
        }
      }),
    );
  });
});
