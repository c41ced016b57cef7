import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeLogHeader, encodeLogHeader, type LogHeader } from "./log-header.js";
import { scanRecords } from "./log-scan.js";
import { decodeRuns, encodeRuns, RecordCodec, RecordKind, recordSizeBytes } from "./record-codec.js";

const codec = new RecordCodec(0xdeadbeef);

function encoded(sequence: number, text: string, subject = "a.b"): Buffer {
  const data = Buffer.from(text);
  const subjectSizeBytes = Buffer.byteLength(subject);
  const bytes = Buffer.alloc(recordSizeBytes(subjectSizeBytes, data.length));
  const kind = RecordKind.message;
  codec.encode(bytes, 0, {
    kind,
    sequence,
    timestampUs: 2 ** 50 + 1,
    subject,
    subjectSizeBytes,
    headerSizeBytes: 0,
    data,
  });
  return bytes;
}

describe("RecordCodec", () => {
  it("lays a record out as the drawing says", () => {
    const bytes = encoded(2 ** 33 + 7, "xyz");
    const expected = [
      "efbeadde", // salt
      crc32(bytes.subarray(8), 0xdeadbeef).toString(16).padStart(8, "0").match(/../g)?.reverse().join(""),
      "2a000000", // length 42
      "0100", // kind, zero
      "0300", // subject size
      "00000000", // header size
      "0700000002000000", // sequence
      "0100000000000400", // timestamp
      Buffer.from("a.bxyz").toString("hex"),
    ];
    expect(bytes.toString("hex")).toBe(expected.join(""));
  });

  it("reads back what it wrote, at any offset", () => {
    const bytes = Buffer.concat([Buffer.from("??"), encoded(5, "payload", "über.☃")]);
    const record = codec.decode(bytes, 2);
    expect(record).toMatchObject({
      kind: RecordKind.message,
      sequence: 5,
      timestampUs: 2 ** 50 + 1,
      end: bytes.length,
    });
    expect(bytes.toString("utf8", record?.subjectStart, record?.dataStart)).toBe("über.☃");
    expect(bytes.toString("utf8", record?.dataStart, record?.end)).toBe("payload");
  });

  it("takes no other bytes for a record: none with one bit flipped, cut, or of another salt", () => {
    const bytes = encoded(5, "payload");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(codec.decode(flipped, 0)).toBeUndefined();
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(codec.decode(bytes.subarray(0, length), 0)).toBeUndefined();
    }
    expect(new RecordCodec(1).decode(bytes, 0)).toBeUndefined();
  });

  it("keeps runs of sequences", () => {
    const sequences = [1, 2, 3, 9, 2 ** 40, 2 ** 40 + 1];
    expect(decodeRuns(encodeRuns(sequences))).toEqual([
      { first: 1, count: 3 },
      { first: 9, count: 1 },
      { first: 2 ** 40, count: 2 },
    ]);
  });
});

describe("scanRecords", () => {
  function scan(content: Buffer) {
    const seen: string[] = [];
    const end = scanRecords(
      content,
      { codec, from: 0 },
      {
        record: ({ sequence }) => void seen.push(`record ${sequence}`),
        damage: ({ start, end }) => void seen.push(`damage ${start}-${end}`),
      },
    );
    return { seen, end };
  }

  it("skips damage up to the next intact record, whatever the damaged record says of its length", () => {
    const records = [1, 2, 3].map((sequence) => encoded(sequence, "0123456789"));
    const content = Buffer.concat(records);
    const size = content.length / 3;
    content[size + 8] = 0xff; // the length of the second
    expect(scan(content)).toEqual({
      seen: ["record 1", `damage ${size}-${size * 2}`, "record 3"],
      end: size * 3,
    });
  });

  it("does not take a record inside of a payload for one of the log, as its salt is another", () => {
    const forged = Buffer.alloc(recordSizeBytes(1, 0));
    const kind = RecordKind.message;
    const fields = {
      kind,
      sequence: 66,
      timestampUs: 0,
      subject: "x",
      subjectSizeBytes: 1,
      headerSizeBytes: 0,
    };
    new RecordCodec(0x12345678).encode(forged, 0, { ...fields, data: Buffer.alloc(0) });
    const content = Buffer.concat([encoded(1, forged.toString("latin1")), encoded(2, "x")]);
    content[40] = 0xff;
    expect(scan(content).seen.at(-1)).toBe("record 2");
    expect(scan(content).seen).toHaveLength(2);
  });

  it("tells where a torn tail begins", () => {
    const content = Buffer.concat([encoded(1, "x"), encoded(2, "y").subarray(0, 37), Buffer.alloc(3)]);
    expect(scan(content)).toEqual({ seen: ["record 1"], end: encoded(1, "x").length });
    const tail = Buffer.alloc(4);
    tail.writeUInt32LE(codec.salt);
    expect(scan(Buffer.concat([encoded(1, "x"), Buffer.from("?"), tail])).seen).toEqual(["record 1"]);
  });
});

describe("log header", () => {
  const header: LogHeader = {
    kind: 1,
    salt: 7,
    number: 3,
    previousNumber: 2,
    previousEnd: 5000,
    coversTo: 4,
    end: 6000,
    baseSequence: 2 ** 40,
  };

  it("survives damage to either copy, not to both", () => {
    const area = encodeLogHeader(header);
    expect(decodeLogHeader(area, "f")).toEqual(header);
    area[20] = 0xff;
    expect(decodeLogHeader(area, "f")).toEqual(header);
    area[2048 + 20] = 0xff;
    expect(decodeLogHeader(area, "f")).toBeUndefined();
    expect(decodeLogHeader(encodeLogHeader(header).subarray(0, 100), "f")).toEqual(header);
    expect(decodeLogHeader(Buffer.alloc(10), "f")).toBeUndefined();
  });

  it("refuses another version by name", () => {
    const area = encodeLogHeader(header);
    for (const offset of [0, 2048]) {
      area.writeUInt32LE(9, offset + 8);
      area.writeUInt32LE(crc32(area.subarray(offset, offset + 48)), offset + 48);
    }
    expect(() => decodeLogHeader(area, "/store/0000000001.seg")).toThrow(
      /0000000001\.seg has format version 9/,
    );
  });
});
