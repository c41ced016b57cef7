import { HEADERS, hpub, pub, QUIET, type Scenario, says, talk } from "./scenario.js";

const BLOCK = "NATS/1.0\r\nA: b\r\n\r\n";

/** Blocks as a publisher may send them; servers pass them on as they are. */
const BLOCKS: readonly (readonly [what: string, block: string])[] = [
  ["an ordinary block", BLOCK],
  ["an empty block of a version line", "NATS/1.0\r\n\r\n"],
  ["a status line", "NATS/1.0 503\r\n\r\n"],
  ["a status line with text", "NATS/1.0 100 Idle Heartbeat\r\n\r\n"],
  ["a status line and headers", "NATS/1.0 409 Gone\r\nA: b\r\n\r\n"],
  ["a key twice", "NATS/1.0\r\nA: b\r\nA: c\r\n\r\n"],
  ["values with colons and blanks", "NATS/1.0\r\nA:b: c  \r\nB:\r\n\r\n"],
  ["a value beyond ASCII", "NATS/1.0\r\nA: caf\xc3\xa9 \xff\r\n\r\n"],
  ["another version", "NATS/2.0\r\nA: b\r\n\r\n"],
  ["no version line", "A: b\r\n\r\n"],
  ["no end", "NATS/1.0\r\nA: b"],
  ["bare LFs", "NATS/1.0\nA: b\n\n"],
  ["a block of one byte", "x"],
  ["a block of 5,000 bytes", `NATS/1.0\r\nA: ${"b".repeat(4984)}\r\n\r\n`],
  ["a block with line ends inside", "NATS/1.0\r\n\r\n\r\nA: b\r\n\r\n"],
];

const BLOCK_SCENARIOS: readonly Scenario[] = BLOCKS.map(([what, block]) =>
  talk(
    `${what}, to who understands headers and to who does not`,
    [0, `${HEADERS}SUB a 1\r\n`],
    [1, `${QUIET}SUB a 1\r\n`],
    [2, `${HEADERS}${hpub("a r", block, "payload")}${hpub("a", block)}`],
    [0, ""],
    [1, ""],
  ),
);

const SUPPORT_SCENARIOS: readonly Scenario[] = [
  says("HPUB without a CONNECT", hpub("a", BLOCK, "hi")),
  says("HPUB when CONNECT did not say headers", `${QUIET}${hpub("a", BLOCK, "hi")}`),
  says(
    "HPUB when CONNECT said no to headers",
    `CONNECT {"headers":false,"verbose":false}\r\n${hpub("a", BLOCK, "hi")}`,
  ),
  says(
    "HPUB after a second CONNECT that turns headers on",
    `${QUIET}CONNECT {"headers":true}\r\nSUB a 1\r\n${hpub("a", BLOCK, "hi")}`,
  ),
  says(
    "HPUB after a second CONNECT that turns headers off",
    `${HEADERS}${hpub("a", BLOCK)}CONNECT {"headers":false,"no_responders":false}\r\n${hpub("a", BLOCK)}`,
  ),
  says("a header size of 0", `${HEADERS}SUB a 1\r\nHPUB a 0 2\r\nhi\r\n`),
  says("a header size of 0 and no payload", `${HEADERS}SUB a 1\r\nHPUB a 0 0\r\n\r\n`),
  says(
    "a header size of 0 to who has no headers",
    `${HEADERS}SUB a 1\r\nCONNECT {"headers":false,"no_responders":false}\r\nSUB a 1\r\n${pub("a", "x")}`,
  ),
  says(
    "sizes of a header with leading zeros",
    `${HEADERS}SUB a 1\r\nHPUB a 012 0014\r\nNATS/1.0\r\n\r\nhi\r\n`,
  ),
  talk(
    "sizes with leading zeros, without headers",
    [0, `${QUIET}SUB a 1\r\n`],
    [1, `${HEADERS}HPUB a 012 0014\r\nNATS/1.0\r\n\r\nhi\r\n`],
    [0, ""],
  ),
  says("a header as large as the message", `${HEADERS}SUB a 1\r\nHPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n`),
  says(
    "a header size that cuts the block in the middle",
    `${HEADERS}SUB a 1\r\nHPUB a 8 14\r\nNATS/1.0\r\n\r\nhi\r\n`,
  ),
  talk(
    "UNSUB max and headers that are stripped",
    [0, `${QUIET}SUB a 1\r\nUNSUB 1 1\r\n`],
    [1, `${HEADERS}${hpub("a", BLOCK, "1")}${hpub("a", BLOCK, "2")}`],
    [0, ""],
  ),
  talk(
    "a queue group member without headers gets the payload",
    [0, `${QUIET}SUB a q 1\r\n`],
    [1, `${HEADERS}${hpub("a in.box", BLOCK, "hi")}`],
    [0, ""],
  ),
  says("PUB to who understands headers is a MSG", `${HEADERS}SUB a 1\r\n${pub("a r", "hi")}`),
];

const NO_RESPONDERS_SCENARIOS: readonly Scenario[] = [
  says(
    "503 to the own subscription for the reply",
    `${HEADERS}SUB inbox.* 7\r\n${pub("nobody inbox.1", "")}`,
  ),
  says(
    "503 has the subject of the subscription when it is literal",
    `${HEADERS}SUB inbox.1 7\r\n${pub("nobody inbox.1", "hi")}`,
  ),
  says("503 to a HPUB", `${HEADERS}SUB inbox 7\r\n${hpub("nobody inbox", BLOCK, "hi")}`),
  says("no 503 without a subscription for the reply", `${HEADERS}${pub("nobody inbox.1", "")}`),
  says("no 503 without a reply", `${HEADERS}SUB inbox 1\r\n${pub("nobody", "")}`),
  says(
    "no 503 unless it was asked for",
    `CONNECT {"verbose":false,"headers":true}\r\nSUB inbox 1\r\n${pub("nobody inbox", "")}`,
  ),
  says(
    "no 503 when somebody hears",
    `${HEADERS}SUB somebody 1\r\nSUB inbox 2\r\n${pub("somebody inbox", "")}`,
  ),
  says("a subscription to everything hears", `${HEADERS}SUB > 1\r\n${pub("nobody inbox", "")}`),
  says("a subject with an empty token reaches nobody", `${HEADERS}SUB > 1\r\n${pub("nobody. inbox", "")}`),
  says("a subject with wildcards that nobody hears", `${HEADERS}SUB inbox 1\r\n${pub("nobody.* inbox", "")}`),
  says(
    "own messages that echo suppresses reached nobody",
    `CONNECT {"verbose":false,"headers":true,"no_responders":true,"echo":false}\r\nSUB x 1\r\nSUB inbox 2\r\n${pub("x inbox", "")}`,
  ),
  says(
    "the same in a queue group",
    `CONNECT {"verbose":false,"headers":true,"no_responders":true,"echo":false}\r\nSUB x q 1\r\nSUB inbox 2\r\n${pub("x inbox", "")}`,
  ),
  talk(
    "a queue group elsewhere hears",
    [0, `${QUIET}SUB x q 1\r\n`],
    [1, `${HEADERS}SUB inbox 2\r\n${pub("x inbox", "")}`],
    [0, ""],
  ),
  talk(
    "a group of which the last member left does not",
    [0, `${QUIET}SUB x q 1\r\nUNSUB 1\r\n`],
    [1, `${HEADERS}SUB inbox 2\r\n${pub("x inbox", "")}`],
  ),
  says(
    "a subscription that has reached its maximum does not",
    `${HEADERS}SUB x 1\r\nUNSUB 1 1\r\nSUB inbox 2\r\n${pub("x", "")}${pub("x inbox", "")}`,
  ),
  says(
    "503 counts for UNSUB max of the reply's subscription",
    `${HEADERS}SUB inbox 1\r\nUNSUB 1 1\r\n${pub("nobody inbox", "")}${pub("nobody inbox", "")}${pub("inbox", "x")}`,
  ),
  says("503 to a subscription in a queue group", `${HEADERS}SUB inbox q 1\r\n${pub("nobody inbox", "")}`),
  says(
    "503 to one of two subscriptions for the reply",
    `${HEADERS}SUB inbox 1\r\nSUB inbox 2\r\nUNSUB 2\r\n${pub("nobody inbox", "")}`,
  ),
  talk(
    "503 is not for another connection's subscription",
    [0, `${HEADERS}SUB inbox 1\r\n`],
    [1, `${HEADERS}${pub("nobody inbox", "")}`],
    [0, ""],
  ),
  says(
    "503, verbose",
    `CONNECT {"headers":true,"no_responders":true}\r\nSUB inbox 1\r\n${pub("nobody inbox", "")}`,
  ),
  says("503 twice", `${HEADERS}SUB inbox 1\r\n${pub("nobody inbox", "")}${pub("nobody inbox", "")}`),
  says(
    "503 with echo off",
    `CONNECT {"verbose":false,"headers":true,"no_responders":true,"echo":false}\r\nSUB inbox 1\r\n${pub("nobody inbox", "")}`,
  ),
  says(
    "the subject is its own reply",
    `${HEADERS}${pub("nobody nobody", "")}SUB nobody 1\r\n${pub("nobody nobody", "")}`,
  ),
];

export const HEADER_SCENARIOS: readonly Scenario[] = [
  ...BLOCK_SCENARIOS,
  ...SUPPORT_SCENARIOS,
  ...NO_RESPONDERS_SCENARIOS,
];
