import { differing, PEDANTIC, pub, QUIET, type Scenario, says, talk } from "./scenario.js";

/** What `filter` receives when `subjects` are published; each payload is its subject. */
function matches(filters: readonly string[], subjects: readonly string[]): Scenario {
  const subscribe = filters.map((filter, index) => `SUB ${filter} ${index + 1}\r\n`).join("");
  const publish = subjects.map((subject) => pub(subject, subject)).join("");
  return talk(
    `${filters.join(", ")} and the subjects ${subjects.join(", ")}`,
    [0, `${QUIET}${subscribe}`],
    [1, `${QUIET}${publish}`],
    [0, ""],
  );
}

/** Subjects to subscribe to that are not valid, or look as if they were not. */
const ODD_FILTERS: readonly (readonly [what: string, filter: string])[] = [
  ["an empty token in the middle", "a..b"],
  ["an empty token in front", ".a"],
  ["an empty token at the end", "a."],
  ["a dot alone", "."],
  ["> that is not last", ">.a"],
  ["> in the middle", "a.>.b"],
  ["two > at the end", "a.>.>"],
  ["> inside a token", "a.b>"],
  ["> in front of a token", "a.>b"],
  ["* inside a token", "a*"],
  ["* in front of a token", "*a.b"],
  ["two * in one token", "**"],
  ["* and > in one token", "*>"],
  ["every token a *", "*.*.*"],
  ["a subject beyond ASCII", "caf\xc3\xa9.\xe2\x82\xac"],
  ["bytes that are no UTF-8", "a.\xff\xfe"],
  ["a NUL byte", "a.\0"],
  ["a DEL and a control character", "a.\x7f\x01"],
  ["a $ in front", "$X.y"],
  ["a subject of the server's own", "$SYS.>"],
  ["quotes and backslashes", 'a"b\\c'],
  ["a very deep subject", Array(40).fill("t").join(".")],
];

/** Subjects as they may be published. */
const ODD_SUBJECTS: readonly (readonly [what: string, subject: string])[] = [
  ["a * as a token", "a.*"],
  ["a > as a token", "a.>"],
  ["* alone", "*"],
  ["> alone", ">"],
  ["a > in the middle", "a.>.b"],
  ["an empty token at the end", "a."],
  ["an empty token in front", ".a"],
  ["an empty token in the middle", "a..b"],
  ["a dot alone", "."],
  ["* inside a token", "a*.b"],
  ["> inside a token", "a.b>"],
  ["bytes that are no UTF-8", "a.\xff\xfe"],
  ["a subject beyond ASCII", "caf\xc3\xa9"],
  ["a NUL byte", "a\0b"],
];

const FORM_FEED = "A form feed is white space to us, as it is in the subjects of nats-server's own streams.";

export const SUBJECT_SCENARIOS: readonly Scenario[] = [
  ...ODD_FILTERS.map(([what, filter]) =>
    says(`SUB with ${what}`, `CONNECT {}\r\nSUB ${filter} 1\r\nPUB ${filter} 1\r\nx\r\n`),
  ),
  ...ODD_SUBJECTS.flatMap(([what, subject]) => [
    says(`PUB with ${what}, pedantic`, `${PEDANTIC}SUB > 1\r\nPUB ${subject} 1\r\nx\r\n`),
    says(`PUB with ${what}, not pedantic`, `${QUIET}SUB > 1\r\nPUB ${subject} 1\r\nx\r\n`),
  ]),
  differing(FORM_FEED, says("SUB with a form feed", "CONNECT {}\r\nSUB a\fb 1\r\nPUB a\fb 1\r\nx\r\n")),
  says("pedantic does not look at the reply subject", `${PEDANTIC}SUB a 1\r\nPUB a r..* 1\r\nx\r\n`),
  says("a reply with wildcards is passed on", `${QUIET}SUB a 1\r\nPUB a r.* 1\r\nx\r\nPUB a > 1\r\nx\r\n`),
  matches(["a.*"], ["a.b", "a", "a.b.c", "b.a"]),
  matches(["a.>"], ["a.b", "a", "a.b.c", "b.a"]),
  matches(["*.b"], ["a.b", "b", "a.c.b", "x.b"]),
  matches(["a.*.c"], ["a.b.c", "a.c", "a.b.d", "a..c"]),
  matches(["*.*.>"], ["a.b", "a.b.c", "a.b.c.d"]),
  matches([">"], ["a", "a.b", "$X.y", "_INBOX.1"]),
  matches(["*"], ["a", "a.b", "$X"]),
  matches(["a*.b", "a.>b"], ["a*.b", "ax.b", "a.>b", "a.xb"]),
  matches(["A.b", "a.b"], ["a.b", "A.b", "A.B"]),
  matches(["a", "a.a", "a.a.a"], ["a", "a.a", "a.a.a", "a.a.a.a"]),
];
