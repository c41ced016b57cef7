import { differing, HEADERS, hpub, pub, QUIET, type Scenario, says, talkOn } from "./scenario.js";

const LIMITS = { maxPayloadBytes: 100, maxControlLineBytes: 128 } as const;
const UNLIMITED =
  "nats-server skips what follows PING, PONG and +OK without a limit; to us every control line has one.";
const SECOND_CONNECT =
  "Later versions of nats-server end the subscriptions (client.go `processConnect`), and so do we.";
const TWO = { maxSubscriptions: 2 } as const;
const a = (count: number) => "a".repeat(count);

export const LIMIT_SCENARIOS: readonly Scenario[] = [
  says("a payload of exactly the maximum", `${QUIET}SUB a 1\r\n${pub("a", a(100))}`, LIMITS),
  says("a payload one byte over the maximum", `${QUIET}SUB a 1\r\nPUB a 101\r\n`, LIMITS),
  says("a payload over the maximum, verbose", "CONNECT {}\r\nPUB a 101\r\n", LIMITS),
  says(
    "a message over the maximum behind others",
    `${QUIET}SUB a 1\r\n${pub("a", "1")}${pub("a", "2")}PUB a 5000\r\n`,
    LIMITS,
  ),
  says(
    "headers and payload of exactly the maximum",
    `${HEADERS}SUB a 1\r\n${hpub("a", "NATS/1.0\r\n\r\n", a(88))}`,
    LIMITS,
  ),
  says("headers and payload one byte over", `${HEADERS}SUB a 1\r\nHPUB a 12 101\r\n`, LIMITS),
  says("SUB of exactly the maximum", `${QUIET}SUB ${a(126)} 1\r\n${pub(a(120), "x")}`, LIMITS),
  says("SUB one byte over", `${QUIET}SUB ${a(127)} 1\r\n`, LIMITS),
  says("SUB over the maximum, verbose", `CONNECT {}\r\nSUB ${a(127)} 1\r\n`, LIMITS),
  says("PUB of exactly the maximum", `${QUIET}PUB ${a(126)} 1\r\nx\r\n`, LIMITS),
  says("PUB one byte over", `${QUIET}PUB ${a(127)} 1\r\nx\r\n`, LIMITS),
  says("HPUB of exactly the maximum", `${HEADERS}HPUB ${a(122)} 12 12\r\nNATS/1.0\r\n\r\n\r\n`, LIMITS),
  says("HPUB one byte over", `${HEADERS}HPUB ${a(123)} 12 12\r\nNATS/1.0\r\n\r\n\r\n`, LIMITS),
  says("UNSUB of exactly the maximum", `${QUIET}UNSUB ${a(128)}\r\n`, LIMITS),
  says("UNSUB one byte over", `${QUIET}UNSUB ${a(129)}\r\n`, LIMITS),
  says("CONNECT of exactly the maximum", `CONNECT {"verbose":false,"name":"${a(128 - 27)}"}\r\n`, LIMITS),
  says("CONNECT one byte over", `CONNECT {"verbose":false,"name":"${a(129 - 27)}"}\r\n`, LIMITS),
  says("blanks in front of arguments do not count", `${QUIET}SUB ${" ".repeat(100)}${a(100)} 1\r\n`, LIMITS),
  says("blanks between arguments do", `${QUIET}SUB a${" ".repeat(130)}1\r\n`, LIMITS),
  says("a control line that does not end, over the maximum", `${QUIET}SUB ${a(300)}`, LIMITS),
  says("a control line over the maximum in pieces", [`${QUIET}SUB ${a(60)}`, a(60), a(60), a(60)], LIMITS),
  says("INFO over the maximum", `${QUIET}INFO ${a(200)}\r\n`, LIMITS),
  says("-ERR over the maximum", `${QUIET}-ERR ${a(200)}\r\n`, LIMITS),
  differing(UNLIMITED, says("PING over the maximum", `${QUIET}PING ${a(200)}\r\n`, LIMITS)),
  differing(UNLIMITED, says("PONG over the maximum", `${QUIET}PONG ${a(200)}\r\n`, LIMITS)),
  differing(UNLIMITED, says("+OK over the maximum", `${QUIET}+OK ${a(200)}\r\n`, LIMITS)),
  says("a control line of 4,096 bytes by default", `${QUIET}SUB ${a(4094)} 1\r\n`),
  says("a control line of 4,097 bytes by default", `${QUIET}SUB ${a(4095)} 1\r\n`),
  says("1 MiB by default", `${QUIET}SUB big 1\r\n${pub("other", a(1024 * 1024))}`),
  says("1 MiB and a byte by default", `${QUIET}PUB a 1048577\r\n`),
  says(
    "more subscriptions than allowed",
    "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB c 1\r\nx\r\nUNSUB 1\r\nSUB c 3\r\nPUB c 1\r\ny\r\n",
    TWO,
  ),
  says("a sid that is in use, at the maximum", "SUB a 1\r\nSUB b 2\r\nSUB a 1\r\n", TWO),
  says("an invalid subject, at the maximum", "SUB a 1\r\nSUB b 2\r\nSUB c..d 3\r\n", TWO),
  says(
    "a subscription that has ended by itself makes room",
    `${QUIET}SUB a 1\r\nSUB b 2\r\nUNSUB 1 1\r\n${pub("a", "x")}SUB c 3\r\n${pub("c", "y")}`,
    TWO,
  ),
  differing(
    SECOND_CONNECT,
    says(
      "a second CONNECT makes room",
      `${QUIET}SUB a 1\r\nSUB b 2\r\n${QUIET}SUB c 3\r\nSUB d 4\r\nSUB e 5\r\n`,
      TWO,
    ),
  ),
  talkOn(
    TWO,
    "the maximum is one of each connection",
    [0, `${QUIET}SUB a 1\r\nSUB b 2\r\n`],
    [1, `${QUIET}SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n`],
    [0, "SUB c 3\r\n"],
  ),
];
