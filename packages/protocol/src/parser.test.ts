import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientOperationParser, type ClientOperationParserOptions } from "./client-operation-parser.js";
import { encodeHeaders } from "./headers.js";
import { ClientOperationCollector, ServerOperationCollector } from "./operation-collector.js";
import type { ClientOperation, ServerOperation, WireMessage } from "./ops.js";
import { encodeClientOperation, encodeServerOperation } from "./serializer.js";
import { ServerOperationParser } from "./server-operation-parser.js";

/** Splits `bytes` at the given places. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...places, bytes.length]) {
    chunks.push(Buffer.from(bytes.subarray(from, place)));
    from = place;
  }
  return chunks;
}

function everyByte(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte) => Buffer.from([byte]));
}

function readClient(chunks: readonly Buffer[], options: ClientOperationParserOptions = {}) {
  const collector = new ClientOperationCollector();
  const parser = new ClientOperationParser(collector, options);
  for (const chunk of chunks) parser.feed(chunk);
  return { operations: collector.operations, fault: parser.feed(Buffer.alloc(0))?.kind };
}

function readServer(chunks: readonly Buffer[]) {
  const collector = new ServerOperationCollector();
  const parser = new ServerOperationParser(collector);
  for (const chunk of chunks) parser.feed(chunk);
  return { operations: collector.operations, fault: parser.feed(Buffer.alloc(0))?.kind };
}

/** Reads the same text as a whole, byte by byte and cut in two at every place, and expects one outcome. */
function readText(text: string, options?: ClientOperationParserOptions) {
  const bytes = Buffer.from(text);
  const whole = readClient([bytes], options);
  expect(readClient(everyByte(bytes), options)).toEqual(whole);
  for (let cut = 1; cut < bytes.length; cut++) {
    expect(readClient(chunksOf(bytes, [cut]), options)).toEqual(whole);
  }
  return whole;
}

const token = fc
  .array(fc.constantFrom(..."abcXYZ019_-$é"), { minLength: 1, maxLength: 8 })
  .map((letters) => letters.join(""));
const subjectText = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const sid = fc.integer({ min: 1, max: 99_999 }).map(String);
const payload = fc.oneof(
  { weight: 30, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.integer({ min: 4000, max: 4200 }).map((size) => Buffer.alloc(size, "x\r\n")) },
);
const headerBlock = fc
  .array(fc.tuple(fc.constantFrom("A", "Nats-Msg-Id"), token), { maxLength: 3 })
  .map((entries) => encodeHeaders({ entries }));
const message: fc.Arbitrary<WireMessage> = fc
  .record({ subject: subjectText, payload, reply: fc.option(subjectText), headers: fc.option(headerBlock) })
  .map(({ subject, payload, reply, headers }) => ({
    subject,
    payload,
    ...(reply === null ? {} : { reply }),
    ...(headers === null ? {} : { headers }),
  }));
const json = token.map((text) => JSON.stringify({ text }));
const clientOperation: fc.Arbitrary<ClientOperation> = fc.oneof(
  { weight: 4, arbitrary: message.map((value) => ({ op: "PUB" as const, ...value })) },
  fc.record({ op: fc.constant("CONNECT" as const), json }),
  fc.record({ op: fc.constant("SUB" as const), subject: subjectText, sid }),
  fc.record({ op: fc.constant("SUB" as const), subject: subjectText, queue: token, sid }),
  fc.record({ op: fc.constant("UNSUB" as const), sid }),
  fc.record({ op: fc.constant("UNSUB" as const), sid, max: fc.integer({ min: 1, max: 1000 }) }),
  fc.constantFrom<ClientOperation>({ op: "PING" }, { op: "PONG" }, { op: "+OK" }),
  fc.constantFrom<ClientOperation>({ op: "-ERR", text: "'no'" }, { op: "INFO", json: "{}" }),
);
const serverOperation: fc.Arbitrary<ServerOperation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(message, sid).map(([value, id]) => ({ op: "MSG" as const, sid: id, ...value })),
  },
  fc.record({ op: fc.constant("INFO" as const), json }),
  fc.constantFrom<ServerOperation>({ op: "PING" }, { op: "PONG" }, { op: "+OK" }),
  fc.constantFrom<ServerOperation>({ op: "-ERR", text: "'Stale Connection'" }),
);
const cuts = fc.array(fc.nat(), { maxLength: 30 });

describe("round trip of the serializer and the parser (a failure prints its seed)", () => {
  test("client operations survive any chunking", () => {
    fc.assert(
      fc.property(fc.array(clientOperation, { maxLength: 12 }), cuts, (operations, places) => {
        const bytes = Buffer.concat(operations.map(encodeClientOperation));
        expect(readClient(chunksOf(bytes, places))).toEqual({ operations, fault: undefined });
      }),
      { numRuns: 300 },
    );
  });

  test("server operations survive any chunking", () => {
    fc.assert(
      fc.property(fc.array(serverOperation, { maxLength: 12 }), cuts, (operations, places) => {
        const bytes = Buffer.concat(operations.map(encodeServerOperation));
        expect(readServer(chunksOf(bytes, places))).toEqual({ operations, fault: undefined });
      }),
      { numRuns: 300 },
    );
  });

  test("client and server operations survive a chunk per byte", () => {
    fc.assert(
      fc.property(fc.array(clientOperation, { maxLength: 4 }), (operations) => {
        const bytes = Buffer.concat(operations.map(encodeClientOperation));
        expect(readClient(everyByte(bytes))).toEqual({ operations, fault: undefined });
      }),
      { numRuns: 30 },
    );
    fc.assert(
      fc.property(fc.array(serverOperation, { maxLength: 4 }), (operations) => {
        const bytes = Buffer.concat(operations.map(encodeServerOperation));
        expect(readServer(everyByte(bytes))).toEqual({ operations, fault: undefined });
      }),
      { numRuns: 30 },
    );
  });
});

describe("hostile bytes (a failure prints its seed)", () => {
  const fragment = fc.oneof(
    fc.constantFrom(
      "PUB ",
      "HPUB ",
      "SUB ",
      "UNSUB ",
      "PING",
      "PONG",
      "CONNECT {}",
      "INFO {}",
      "+OK",
      "-ERR 'x'",
    ),
    fc.constantFrom(
      "MSG ",
      "HMSG ",
      "\r\n",
      "\n",
      "\r",
      " ",
      "\t",
      "a.b",
      "5",
      "hello",
      "0",
      "-1",
      "99999999999",
    ),
    fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  );
  const bytes = fc.array(fragment, { maxLength: 20 }).map((parts) => Buffer.from(parts.join(""), "latin1"));

  test("never throw, and mean the same however they are cut", () => {
    fc.assert(
      fc.property(bytes, cuts, (input, places) => {
        const limits = { maxControlLineBytes: 24, maxPayloadBytes: 64 };
        expect(readClient(chunksOf(input, places), limits)).toEqual(readClient([input], limits));
        expect(readServer(chunksOf(input, places))).toEqual(readServer([input]));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("ClientOperationParser", () => {
  test("takes verbs in any case, tabs, double spaces and a bare LF", () => {
    const { operations, fault } = readText("pUb\tfoo \t reply  5\nhello\r\nSuB foo\tq 1\nping\nPONG  \r\n");
    expect(fault).toBeUndefined();
    expect(operations).toEqual([
      { op: "PUB", subject: "foo", reply: "reply", payload: Buffer.from("hello") },
      { op: "SUB", subject: "foo", queue: "q", sid: "1" },
      { op: "PING" },
      { op: "PONG" },
    ]);
  });

  test("gives a canonical tail whatever blanks the client used", () => {
    const tails: string[] = [];
    const collector = new ClientOperationCollector();
    collector.publish = ({ bytes, tailStart, dataEnd }) => {
      tails.push(Buffer.from(bytes.subarray(tailStart, dataEnd + 2)).toString());
    };
    const parser = new ClientOperationParser(collector);
    parser.feed(
      Buffer.from("PUB  a  5\r\nhello\r\nPUB a 5\nhello\r\nPUB a r 5 \r\nhello\r\nPUB a\tr\t5\r\nhello\r\n"),
    );
    parser.feed(Buffer.from("HPUB a  r   12\t14\r\nNATS/1.0\r\n\r\nhi\r\nPUB a 0\r\n\r\n"));
    expect(tails).toEqual([
      "5\r\nhello\r\n",
      "5\r\nhello\r\n",
      "r 5\r\nhello\r\n",
      "r 5\r\nhello\r\n",
      "r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
      "0\r\n\r\n",
    ]);
  });

  test.each([
    ["FOO\r\n", "unknown-operation"],
    ["PUX", "unknown-operation"],
    ["PUBx", "unknown-operation"],
    [`PX${"a".repeat(70)}`, "unknown-operation"],
    ["PUB\r\n", "unknown-operation"],
    ["*", "unknown-operation"],
    ["MSG a 1 0\r\n\r\n", "unknown-operation"],
    ["PUB foo 5\r\nhelloX", "unknown-operation"],
    ["PUB foo 5\r\nhello\rX", "unknown-operation"],
    ["PUB foo\r\n", "bad-arguments"],
    ["PUB foo r x 5\r\n", "bad-arguments"],
    ["PUB foo x\r\n", "bad-arguments"],
    ["PUB foo 1234567890\r\n", "bad-arguments"],
    ["PUB foo -1\r\n", "bad-arguments"],
    ["HPUB foo 5\r\n", "bad-arguments"],
    ["HPUB foo 6 5\r\n", "bad-arguments"],
    ["HPUB foo x 5\r\n", "bad-arguments"],
    ["SUB foo\r\n", "bad-arguments"],
    ["SUB foo q 1 2\r\n", "bad-arguments"],
    ["SUB  \r\n", "bad-arguments"],
    ["UNSUB 1 2 3\r\n", "bad-arguments"],
    ["PUB foo 101\r\n", "payload-too-large"],
    [`SUB ${"x".repeat(100)} 1\r\n`, "control-line-too-long"],
    [`SUB ${"x".repeat(100)}`, "control-line-too-long"],
    [`PUB ${" ".repeat(200)}`, "control-line-too-long"],
    [`CONNECT ${"x".repeat(100)}`, "control-line-too-long"],
  ])("finds the fault of %j", (text, kind) => {
    const limits = { maxControlLineBytes: 64, maxPayloadBytes: 100 };
    expect(readText(`PING\r\n${text}`, limits)).toEqual({ operations: [{ op: "PING" }], fault: kind });
  });

  test("accepts a control line of exactly the limit, CR not counted", () => {
    const text = `SUB ${"x".repeat(62)} 1\r\n`;
    expect(readText(text, { maxControlLineBytes: 64 }).fault).toBeUndefined();
    expect(readText(text, { maxControlLineBytes: 63 }).fault).toBe("control-line-too-long");
  });

  test("refuses headers that were not agreed on", () => {
    const text = "HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n";
    expect(readText(text, { allowHeaders: false }).fault).toBe("headers-not-supported");
    expect(readText(text).fault).toBeUndefined();
  });

  test("wants CONNECT first when told so, until the visitor lifts it", () => {
    expect(readText("PING\r\n", { connectOnly: true }).fault).toBe("connect-required");
    const collector = new ClientOperationCollector();
    const parser = new ClientOperationParser(collector, { connectOnly: true });
    collector.connect = () => {
      parser.connectOnly = false;
    };
    expect(parser.feed(Buffer.from("CONNECT {}\r\nPING\r\n"))).toBeUndefined();
    expect(collector.operations).toEqual([{ op: "PING" }]);
  });

  test("stops in the middle of a chunk when the visitor says so", () => {
    const collector = new ClientOperationCollector();
    const parser = new ClientOperationParser(collector);
    collector.pong = () => parser.stop();
    expect(parser.feed(Buffer.from("PING\r\nPONG\r\nPING\r\nFOO"))).toBeUndefined();
    parser.feed(Buffer.from("PING\r\n"));
    expect(collector.operations).toEqual([{ op: "PING" }]);
  });

  test("copies the bytes of a large payload once, not once per chunk", () => {
    const sizeBytes = 8 * 1024 * 1024;
    const collector = new ClientOperationCollector();
    let received = 0;
    let retainable = false;
    collector.publish = (frame) => {
      received = frame.dataEnd - frame.dataStart;
      retainable = frame.retainable;
    };
    const parser = new ClientOperationParser(collector, { maxPayloadBytes: sizeBytes });
    const started = performance.now();
    parser.feed(Buffer.from(`PUB a ${sizeBytes}\r\n`));
    const piece = Buffer.alloc(1024);
    for (let i = 0; i < sizeBytes; i += piece.length) parser.feed(piece);
    parser.feed(Buffer.from("\r\n"));
    expect(received).toBe(sizeBytes);
    expect(retainable).toBe(true);
    // 8192 chunks: copying everything held once per chunk would move 32 GiB.
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test("describes a fault with an excerpt", () => {
    const parser = new ClientOperationParser(new ClientOperationCollector());
    expect(parser.feed(Buffer.from("GET / HTTP/1.1\r\n"))).toEqual({
      kind: "unknown-operation",
      detail: 'unknown operation at "GET / HTTP/1.1\\r\\n"',
    });
  });
});

describe("a parser that is paused", () => {
  const INPUT = Buffer.from("CONNECT {}\r\nPING\r\nPUB a 2\r\nhi\r\nCONNECT {}\r\nPONG\r\nSUB a 1\r\n");
  const ALL = ["CONNECT", "PING", "PUB", "CONNECT", "PONG", "SUB"];

  /** Pauses at every CONNECT and resumes when all chunks are there, as often as it takes. */
  function readWithPauses(chunks: readonly Buffer[]) {
    const collector = new ClientOperationCollector();
    const steps: string[][] = [];
    const parser: ClientOperationParser = new ClientOperationParser(
      new Proxy(collector, {
        get(target, key, receiver) {
          if (key !== "connect") return Reflect.get(target, key, receiver);
          return (json: string) => {
            target.connect(json);
            parser.pause();
          };
        },
      }),
    );
    for (const chunk of chunks) parser.feed(chunk);
    for (let i = 0; i < 3; i++) {
      steps.push(collector.operations.map(({ op }) => op));
      expect(parser.resume()).toBeUndefined();
    }
    return steps;
  }

  test("reads on where it was, wherever chunks end", () => {
    const expected = [ALL.slice(0, 1), ALL.slice(0, 4), ALL];
    expect(readWithPauses([INPUT])).toEqual(expected);
    expect(readWithPauses(everyByte(INPUT))).toEqual(expected);
    for (let at = 1; at < INPUT.length; at++) expect(readWithPauses(chunksOf(INPUT, [at]))).toEqual(expected);
  });

  test("tells of a fault when it is resumed, and takes nothing after it was stopped", () => {
    const collector = new ClientOperationCollector();
    const parser = new ClientOperationParser(collector);
    parser.pause();
    expect(parser.feed(Buffer.from("NONSENSE\r\n"))).toBeUndefined();
    expect(parser.resume()?.kind).toBe("unknown-operation");
    const stopped = new ClientOperationParser(collector);
    stopped.pause();
    stopped.feed(Buffer.from("PING\r\n"));
    stopped.stop();
    expect(stopped.resume()).toBeUndefined();
    expect(collector.operations).toEqual([]);
  });
});

describe("ServerOperationParser", () => {
  test.each([
    ["PUB a 0\r\n\r\n", "bad-arguments"],
    ["MSG a 0\r\n", "bad-arguments"],
    ["HMSG a 1 5\r\n", "bad-arguments"],
    ["+NO", "unknown-operation"],
    ["?", "unknown-operation"],
    ["PXNG", "unknown-operation"],
    ["-ERRx", "unknown-operation"],
  ])("finds the fault of %j", (text, kind) => {
    const fault = text.startsWith("PUB") ? "unknown-operation" : kind;
    expect(readServer([Buffer.from(text)])).toEqual({ operations: [], fault });
    expect(readServer(everyByte(Buffer.from(text)))).toEqual({ operations: [], fault });
  });
});
