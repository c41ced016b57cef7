import { HEADERS, NO_ECHO, pub, QUIET, type Scenario, says, talk } from "./scenario.js";

const VERBOSE_SCENARIOS: readonly Scenario[] = [
  says(
    "a client that sends no CONNECT is verbose, pedantic and hears itself",
    "SUB a 1\r\nPUB a 2\r\nhi\r\nUNSUB 1\r\n",
  ),
  says(
    "verbose answers every operation in order",
    "CONNECT {}\r\nPING\r\nSUB a 1\r\nPUB a 1\r\nx\r\nUNSUB 1 5\r\nUNSUB 99\r\nPUB b 0\r\n\r\n",
  ),
  says("verbose does not answer PONG, INFO and +OK", "CONNECT {}\r\nPONG\r\nINFO {}\r\n+OK\r\n"),
  says("verbose off answers nothing", `${QUIET}SUB a 1\r\nUNSUB 1\r\nPUB a 0\r\n\r\n`),
  says("a verbose HPUB", `CONNECT {"headers":true}\r\nSUB a 1\r\nHPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n`),
  says("pedantic complains of a subject and delivers", "SUB > 1\r\nPUB a.* 1\r\nx\r\nPUB a. 1\r\ny\r\n"),
  says("an invalid SUB gets an error instead of +OK", "SUB a..b 1\r\nSUB a 2\r\nSUB >.a 3\r\nUNSUB 1\r\n"),
  says(
    "a SUB whose sid is in use is answered, and changes nothing",
    "SUB a 1\r\nSUB b 1\r\nPUB a 1\r\nx\r\nPUB b 1\r\ny\r\n",
  ),
  says("an invalid SUB whose sid is in use", "SUB a 1\r\nSUB b..c 1\r\n"),
  says("errors and +OK keep their order in one write", `SUB a 1\r\nSUB .. 2\r\nPUB * 1\r\nx\r\nSUB b 3\r\n`),
  says(
    "verbose stays as it was when a second CONNECT does not name it",
    'CONNECT {"verbose":false}\r\nSUB a 1\r\nCONNECT {}\r\nSUB a 1\r\n',
  ),
];

const SID_SCENARIOS: readonly Scenario[] = [
  says(
    "a sid of letters",
    `${QUIET}SUB a one-two_three.4\r\n${pub("a", "x")}UNSUB one-two_three.4\r\n${pub("a", "y")}`,
  ),
  says("a sid with leading zeros is another one", `${QUIET}SUB a 1\r\nSUB a 01\r\n${pub("a", "x")}`),
  says("a sid of odd characters", `${QUIET}SUB a *>\r\n${pub("a", "x")}`),
  says(
    "a sid of bytes that are no UTF-8",
    `${QUIET}SUB a \xff\xfe\r\n${pub("a", "x")}UNSUB \xff\xfe\r\n${pub("a", "y")}`,
  ),
  says("a very long sid", `${QUIET}SUB a ${"9".repeat(200)}\r\n${pub("a", "x")}`),
  says(
    "a sid is free again after UNSUB",
    `${QUIET}SUB a 1\r\nUNSUB 1\r\nSUB b 1\r\n${pub("a", "x")}${pub("b", "y")}`,
  ),
  says("a sid of two connections", `${QUIET}SUB a 1\r\nUNSUB 2\r\n${pub("a", "x")}`),
  talk(
    "UNSUB ends the subscription of its own connection only",
    [0, `${QUIET}SUB a 1\r\n`],
    [1, `${QUIET}SUB a 1\r\nUNSUB 1\r\n`],
    [2, `${QUIET}${pub("a", "x")}`],
    [0, ""],
    [1, ""],
  ),
];

const UNSUB_SCENARIOS: readonly Scenario[] = [
  says("UNSUB of a sid there is not", `${QUIET}UNSUB 99\r\nUNSUB 98 5\r\n`),
  says(
    "UNSUB max before any message",
    `${QUIET}SUB a 1\r\nUNSUB 1 2\r\n${pub("a", "1")}${pub("a", "2")}${pub("a", "3")}`,
  ),
  says(
    "UNSUB max counts earlier messages",
    `${QUIET}SUB a 1\r\n${pub("a", "1")}${pub("a", "2")}UNSUB 1 3\r\n${pub("a", "3")}${pub("a", "4")}`,
  ),
  says(
    "UNSUB max that is reached already",
    `${QUIET}SUB a 1\r\n${pub("a", "1")}${pub("a", "2")}UNSUB 1 2\r\n${pub("a", "3")}SUB a 1\r\n${pub("a", "4")}`,
  ),
  says(
    "UNSUB max below what was delivered",
    `${QUIET}SUB a 1\r\n${pub("a", "1")}${pub("a", "2")}UNSUB 1 1\r\n${pub("a", "3")}`,
  ),
  says("UNSUB max 0", `${QUIET}SUB a 1\r\nUNSUB 1 0\r\n${pub("a", "1")}`),
  says("UNSUB with a negative max", `${QUIET}SUB a 1\r\nUNSUB 1 -1\r\n${pub("a", "1")}`),
  says("UNSUB with a max that is no number", `${QUIET}SUB a 1\r\nUNSUB 1 x\r\n${pub("a", "1")}`),
  says("UNSUB with a max of ten digits", `${QUIET}SUB a 1\r\nUNSUB 1 1000000000\r\n${pub("a", "1")}`),
  says("UNSUB with leading zeros", `${QUIET}SUB a 1\r\nUNSUB 1 0001\r\n${pub("a", "1")}${pub("a", "2")}`),
  says(
    "a second UNSUB max replaces the first",
    `${QUIET}SUB a 1\r\nUNSUB 1 1\r\nUNSUB 1 3\r\n${pub("a", "1")}${pub("a", "2")}${pub("a", "3")}${pub("a", "4")}`,
  ),
  says(
    "UNSUB after UNSUB max ends at once",
    `${QUIET}SUB a 1\r\nUNSUB 1 5\r\n${pub("a", "1")}UNSUB 1\r\n${pub("a", "2")}`,
  ),
  says(
    "a sid is free again after its maximum",
    `${QUIET}SUB a 1\r\nUNSUB 1 1\r\n${pub("a", "1")}SUB b 1\r\n${pub("b", "2")}`,
  ),
  says("UNSUB max in a queue group of one", `${QUIET}SUB a q 1\r\nUNSUB 1 2\r\n${pub("a", "x").repeat(3)}`),
  talk(
    "UNSUB max across connections",
    [0, `${QUIET}SUB a 1\r\nUNSUB 1 2\r\nSUB a 2\r\n`],
    [1, `${QUIET}${pub("a", "1")}${pub("a", "2")}${pub("a", "3")}`],
    [0, ""],
  ),
];

const QUEUE_SCENARIOS: readonly Scenario[] = [
  says("a queue group of one", `${QUIET}SUB a q 1\r\n${pub("a", "1")}${pub("a", "2")}`),
  says("a queue group beside a plain subscription", `${QUIET}SUB a 1\r\nSUB a q 2\r\n${pub("a", "x")}`),
  talk(
    "each group of several receives once",
    [0, `${QUIET}SUB a q1 1\r\n`],
    [1, `${QUIET}SUB a q2 1\r\n`],
    [2, `${QUIET}SUB a.* q3 1\r\nSUB > q4 2\r\n`],
    [3, `${QUIET}${pub("a", "x")}`],
    [0, ""],
    [1, ""],
    [2, ""],
  ),
  says("one group on two overlapping filters", `${QUIET}SUB a.b q 1\r\nSUB a.* r 2\r\n${pub("a.b", "x")}`),
  says("a queue name is not a subject", `${QUIET}SUB a q..> 1\r\n${pub("a", "x")}`),
  says("a queue name of odd characters", `${QUIET}SUB a *\xff 1\r\n${pub("a", "x")}`),
  says(
    "a member that leaves",
    `${QUIET}SUB a q 1\r\nSUB a q 2\r\nUNSUB 1\r\n${pub("a", "1")}${pub("a", "2")}${pub("a", "3")}`,
  ),
  talk(
    "a member whose connection is gone",
    [0, `${QUIET}SUB a q 1\r\n`],
    [1, `${QUIET}SUB a q 1\r\nFOO\r\n`],
    [2, `${QUIET}${pub("a", "1")}${pub("a", "2")}${pub("a", "3")}`],
    [0, ""],
  ),
  talk(
    "a group takes messages with a reply",
    [0, `${QUIET}SUB a q 1\r\n`],
    [1, `${QUIET}SUB inbox 1\r\nPUB a inbox 2\r\nhi\r\n`],
    [0, pub("inbox", "there")],
    [1, ""],
  ),
];

const ECHO_SCENARIOS: readonly Scenario[] = [
  says(
    "echo off: own messages are not delivered",
    `${NO_ECHO}SUB a 1\r\nSUB a q 2\r\nSUB > 3\r\n${pub("a", "x")}`,
  ),
  talk(
    "echo off: others' messages are, and others hear",
    [0, `${NO_ECHO}SUB a 1\r\n`],
    [1, `${QUIET}SUB a 1\r\n${pub("a", "x")}`],
    [0, pub("a", "y")],
    [1, ""],
  ),
  talk(
    "echo off: a queue group gives the message to another connection",
    [0, `${QUIET}SUB a q 1\r\n`],
    [1, `${NO_ECHO}SUB a q 1\r\n${pub("a", "x")}${pub("a", "y")}`],
    [0, ""],
  ),
  says(
    "echo off: UNSUB max does not count what was not delivered",
    `${NO_ECHO}SUB a 1\r\nUNSUB 1 1\r\n${pub("a", "x")}CONNECT {"verbose":false,"echo":true}\r\nSUB a 1\r\n${pub("a", "y")}`,
  ),
  says(
    "echo is turned off by a second CONNECT",
    `${QUIET}SUB a 1\r\n${pub("a", "x")}CONNECT {"echo":false,"verbose":false}\r\nSUB a 1\r\n${pub("a", "y")}`,
  ),
  says("echo off, verbose", `CONNECT {"echo":false}\r\nSUB a 1\r\n${pub("a", "x")}`),
];

const REPLY_SCENARIOS: readonly Scenario[] = [
  says("a reply subject is passed on", `${QUIET}SUB a 1\r\nPUB a reply.to 2\r\nhi\r\nPUB a r 0\r\n\r\n`),
  talk(
    "a request and its answer",
    [0, `${QUIET}SUB service 1\r\n`],
    [1, `${QUIET}SUB _INBOX.1 1\r\nPUB service _INBOX.1 2\r\nhi\r\n`],
    [0, pub("_INBOX.1", "there")],
    [1, ""],
  ),
  says(
    "replies that belong to the server are refused",
    `${QUIET}SUB a 1\r\nPUB a $JS.ACK.s.c.1.1.1.1.1 0\r\n\r\nPUB a _R_.x 0\r\n\r\nPUB a _GR_.x 0\r\n\r\n`,
  ),
  says(
    "replies that only begin like them are not",
    `${QUIET}SUB a 1\r\nPUB a $JS.ACK 0\r\n\r\nPUB a _R_ 0\r\n\r\nPUB a _R_x.y 0\r\n\r\n`,
  ),
  says(
    "prefixes of the server's replies alone",
    `${QUIET}SUB a 1\r\nPUB a $JS.ACK. 0\r\n\r\nPUB a _R_. 0\r\n\r\nPUB a _GR_. 0\r\n\r\n`,
  ),
  says(
    "a publish to a gateway's subject, pedantic and verbose",
    `CONNECT {}\r\nSUB > 1\r\nPUB _GR_.a* 0\r\n\r\nPUB _GR_.* 0\r\n\r\nPUB _GR_. 0\r\n\r\n`,
  ),
  says("a refused reply, verbose", `CONNECT {"pedantic":false}\r\nSUB a 1\r\nPUB a _R_.x 0\r\n\r\n`),
  says(
    "publishing to subjects that belong to the server",
    `${QUIET}SUB > 1\r\n${pub("_R_.x", "1")}${pub("$JS.ACK.a.b", "2")}${pub("_GR_.a.b", "3")}`,
  ),
];

const SEVERAL_SCENARIOS: readonly Scenario[] = [
  talk(
    "every subscription of a connection that matches",
    [0, `${QUIET}SUB a 1\r\n`],
    [0, "SUB a 2\r\n"],
    [0, "UNSUB 1\r\n"],
    [1, `${QUIET}${pub("a", "x")}`],
    [0, ""],
  ),
  talk(
    "a connection that is gone receives nothing, the others do",
    [0, `${QUIET}SUB a 1\r\n`],
    [1, `${QUIET}SUB a 1\r\nFOO\r\n`],
    [2, `${QUIET}${pub("a", "x")}`],
    [0, ""],
  ),
  talk(
    "messages of two publishers, in turn",
    [0, `${QUIET}SUB a 1\r\n`],
    [1, `${QUIET}${pub("a", "1")}`],
    [2, `${QUIET}${pub("a", "2")}`],
    [1, pub("a", "3")],
    [0, ""],
  ),
  talk("messages before a SUB are gone", [0, `${QUIET}${pub("a", "1")}SUB a 1\r\n${pub("a", "2")}`]),
  talk(
    "a payload of every byte reaches another connection",
    [0, `${HEADERS}SUB a 1\r\n`],
    [1, `${QUIET}${pub("a", String.fromCharCode(...Array(256).keys()))}`],
    [0, ""],
  ),
  says(
    "a subject is matched anew when subscriptions change",
    `${QUIET}${pub("a", "0")}SUB a 1\r\n${pub("a", "1")}UNSUB 1\r\n${pub("a", "2")}SUB * 2\r\n${pub("a", "3")}UNSUB 2\r\nSUB > q 3\r\n${pub("a", "4")}`,
  ),
];

export const DELIVERY_SCENARIOS: readonly Scenario[] = [
  ...VERBOSE_SCENARIOS,
  ...SID_SCENARIOS,
  ...UNSUB_SCENARIOS,
  ...QUEUE_SCENARIOS,
  ...ECHO_SCENARIOS,
  ...REPLY_SCENARIOS,
  ...SEVERAL_SCENARIOS,
];
