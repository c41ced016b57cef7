import type { Random } from "./random.js";

const SUBJECTS = [
  "a",
  "a.b",
  "a.*",
  "a.>",
  "*",
  "a.b.c.d.e",
  "fuzz.x",
  "fuzz.*.y",
  "_INBOX.1.2",
  "x..y",
  ">",
  "$X",
];
const QUEUES = ["q", "workers", "*"];
const SIDS = ["1", "2", "3", "77", "x", "999999"];
const SIZES = [
  "-1",
  "0",
  "007",
  "1048577",
  "999999999",
  "99999999999",
  "1e3",
  "0x10",
  "",
  "+1",
  "1 1",
  "NaN",
];
const CONNECTS = [
  '{"verbose":false}',
  '{"verbose":true,"pedantic":true,"headers":true}',
  '{"verbose":false,"headers":true,"no_responders":true}',
  '{"echo":false}',
  '{"protocol":1,"lang":"x","name":"fuzz"}',
];
const BLOCKS = [
  "NATS/1.0\r\n\r\n",
  "NATS/1.0 503\r\n\r\n",
  "NATS/1.0\r\nA: b\r\nC:d\r\n\r\n",
  "NATS",
  "\r\n\r\n",
];
/** Pieces that parsers stumble over. */
const ODD = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  "\0",
  "\xff",
  "PUB ",
  "HPUB a 5 1\r\n",
  "SUB",
  "+OK",
  "-ERR x\r\n",
  "{",
  "99",
];

/** A frame as a client may send it. */
export function validFrame(random: Random): Buffer {
  return Buffer.from(FRAMES[random.below(FRAMES.length)]?.(random) ?? "PING\r\n", "latin1");
}

const FRAMES: readonly ((random: Random) => string)[] = [
  publish,
  publish,
  publish,
  headers,
  (random) => `SUB ${random.pick(SUBJECTS)} ${random.pick(SIDS)}\r\n`,
  (random) => `SUB ${random.pick(SUBJECTS)} ${random.pick(QUEUES)} ${random.pick(SIDS)}\r\n`,
  (random) => `UNSUB ${random.pick(SIDS)}\r\n`,
  (random) => `UNSUB ${random.pick(SIDS)} ${random.below(5)}\r\n`,
  () => "PING\r\n",
  () => "PONG\r\n",
  () => "+OK\r\n",
  () => "INFO {}\r\n",
  (random) => `CONNECT ${random.pick(CONNECTS)}\r\n`,
];

function publish(random: Random): string {
  const payload = payloadOf(random);
  const reply = random.chance(0.3) ? `${random.pick(SUBJECTS)} ` : "";
  return `PUB ${random.pick(SUBJECTS)} ${reply}${payload.length}\r\n${payload}\r\n`;
}

function headers(random: Random): string {
  const block = random.pick(BLOCKS);
  const payload = payloadOf(random);
  const reply = random.chance(0.3) ? `${random.pick(SUBJECTS)} ` : "";
  const sizes = `${block.length} ${block.length + payload.length}`;
  return `HPUB ${random.pick(SUBJECTS)} ${reply}${sizes}\r\n${block}${payload}\r\n`;
}

function payloadOf(random: Random): string {
  const size = random.chance(0.02) ? random.below(9_000) : random.below(40);
  return random.chance(0.3) ? random.pick(ODD).repeat(Math.ceil(size / 4)) : "x".repeat(size);
}

/** A frame with something wrong, or random bytes. */
export function mutatedFrame(random: Random): Buffer {
  if (random.chance(0.05))
    return Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
  let frame = validFrame(random);
  for (let count = 1 + random.below(3); count > 0; count--) {
    frame = random.pick(MUTATIONS)(frame, random);
  }
  return frame;
}

const MUTATIONS: readonly ((frame: Buffer, random: Random) => Buffer)[] = [
  function changeByte(frame, random) {
    const changed = Buffer.from(frame);
    if (changed.length > 0) changed[random.below(changed.length)] = random.below(256);
    return changed;
  },
  function flipBit(frame, random) {
    const changed = Buffer.from(frame);
    const at = random.below(Math.max(1, changed.length));
    if (changed.length > 0) changed[at] = (changed[at] as number) ^ (1 << random.below(8)); // at < length
    return changed;
  },
  function removeRange(frame, random) {
    const from = random.below(frame.length + 1);
    return Buffer.concat([frame.subarray(0, from), frame.subarray(from + 1 + random.below(4))]);
  },
  function repeatRange(frame, random) {
    const from = random.below(frame.length + 1);
    const to = from + random.below(8);
    return Buffer.concat([frame.subarray(0, to), frame.subarray(from)]);
  },
  function insertOddPiece(frame, random) {
    const at = random.below(frame.length + 1);
    return Buffer.concat([
      frame.subarray(0, at),
      Buffer.from(random.pick(ODD), "latin1"),
      frame.subarray(at),
    ]);
  },
  function cutShort(frame, random) {
    return frame.subarray(0, random.below(frame.length + 1));
  },
  function replaceSize(frame, random) {
    return Buffer.from(frame.toString("latin1").replace(/\d+\r?\n/, `${random.pick(SIZES)}\r\n`), "latin1");
  },
  function lengthen(frame, random) {
    const at = random.below(frame.length + 1);
    const filler = Buffer.alloc(random.below(6_000), random.pick(["a", " ", ".", "{", "\xe2"]));
    return Buffer.concat([frame.subarray(0, at), filler, frame.subarray(at)]);
  },
];

/** Cuts bytes into chunks at up to `most` places. */
export function cutAnywhere(bytes: Buffer, most: number, random: Random): Buffer[] {
  const places = Array.from({ length: random.below(most + 1) }, () => random.below(bytes.length + 1));
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...places.sort((a, b) => a - b), bytes.length]) {
    if (place > from) chunks.push(bytes.subarray(from, place));
    from = Math.max(from, place);
  }
  return chunks;
}
