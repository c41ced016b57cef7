import { differing, pub, QUIET, type Scenario, says, talkOn, waits } from "./scenario.js";

const SECOND_CONNECT =
  "Later versions of nats-server end the subscriptions (client.go `processConnect`), and so do we.";
const JSON_NUMBERS = "1.0 and 1e0 are the integer 1 to JavaScript; Go refuses them.";

/** What follows CONNECT; verbs that show whether the connection is verbose, pedantic and hears itself. */
const PROBE = "SUB a 1\r\nPUB a.* 0\r\n\r\nPUB a 1\r\nx\r\n";

/** Arguments of CONNECT: what each does must be equal, be it a refusal. */
const ARGUMENTS: readonly string[] = [
  "{}",
  " {} ",
  "{",
  "",
  "null",
  "[]",
  "true",
  "1",
  '"text"',
  "{}{}",
  "{} x",
  "{,}",
  '{"verbose":false,}',
  "{'verbose':false}",
  '{"verbose":"yes"}',
  '{"verbose":1}',
  '{"verbose":null}',
  '{"verbose":{}}',
  '{"verbose":false,"verbose":true}',
  '{"VERBOSE":false,"Pedantic":false}',
  '{"verbose":false,"unknown":{"a":[1,2]}}',
  '{"verbose":false,"lang":"go","version":"1.0","name":"x"}',
  '{"verbose":false,"lang":1}',
  '{"verbose":false,"version":1.5}',
  '{"verbose":false,"name":null}',
  '{"verbose":false,"name":[]}',
  '{"verbose":false,"name":"caf\xc3\xa9 \\u00e9 \\"q\\""}',
  '{"verbose":false,"name":"\xff"}',
  '{"verbose":false,"protocol":0}',
  '{"verbose":false,"protocol":2}',
  '{"verbose":false,"protocol":-1}',
  '{"verbose":false,"protocol":"1"}',
  '{"verbose":false,"protocol":1.5}',
  '{"verbose":false,"protocol":99999999999999999999}',
  '{"verbose":true,"protocol":3}',
  '{"verbose":false,"headers":"true"}',
  '{"verbose":false,"no_responders":true}',
  '{"verbose":false,"no_responders":true,"headers":false}',
  '{"verbose":true,"no_responders":true}',
  '{"verbose":false,"echo":"no"}',
  '{"verbose":false,"pedantic":0}',
  '{"verbose":false,"account":"A"}',
  '{"verbose":false,"account":"","new_account":false}',
  '{"verbose":false,"new_account":true}',
  '{"verbose":false,"user":"me","pass":"pw"}',
  '{"verbose":false,"auth_token":"t"}',
  '{"verbose":false,"tls_required":true}',
  '{"verbose":false,"jwt":"x","nkey":"y","sig":"z"}',
  '{"verbose":false,"user":1}',
];

const ARGUMENT_SCENARIOS: readonly Scenario[] = [
  ...ARGUMENTS.map((argument) => says(`CONNECT ${argument}`, `CONNECT ${argument}\r\n${PROBE}`)),
  differing(
    JSON_NUMBERS,
    says("CONNECT with a fraction of zero", `CONNECT {"verbose":false,"protocol":1.0}\r\n${PROBE}`),
  ),
  differing(
    JSON_NUMBERS,
    says("CONNECT with an exponent", `CONNECT {"verbose":false,"protocol":1e0}\r\n${PROBE}`),
  ),
  says("CONNECT without a blank", `CONNECT{"verbose":false}\r\n${PROBE}`),
  says("CONNECT with a tab and a bare LF", `CONNECT\t{"verbose":false}\n${PROBE}`),
  says("CONNECT alone", `CONNECT\r\n${PROBE}`),
  says(
    "CONNECT of a deep value",
    `CONNECT {"verbose":false,"x":${"[".repeat(500)}${"]".repeat(500)}}\r\n${PROBE}`,
  ),
];

const SECOND_SCENARIOS: readonly Scenario[] = [
  differing(
    SECOND_CONNECT,
    says(
      "a second CONNECT ends the subscriptions",
      `${QUIET}SUB a 1\r\n${pub("a", "1")}${QUIET}${pub("a", "2")}SUB a 1\r\n${pub("a", "3")}`,
    ),
  ),
  says("a second CONNECT is answered like the first", "CONNECT {}\r\nCONNECT {}\r\n"),
  says("a second CONNECT that is refused", `${QUIET}CONNECT {"protocol":2}\r\n`),
  says("a second CONNECT that is no JSON", `${QUIET}CONNECT {\r\n`),
  says("operations before CONNECT keep their subscriptions", `SUB a 1\r\n${QUIET}${pub("a", "x")}`),
  says("the first PING after CONNECT, protocol 1", `${QUIET}PING\r\nPING\r\n`),
  says("the first PING after CONNECT, protocol 0", 'CONNECT {"verbose":false}\r\nPING\r\nPING\r\n'),
  says("a PING before CONNECT", `PING\r\n${QUIET}PING\r\n`),
];

const USER = { user: "me", pass: "pw" } as const;
const TOKEN = { token: "t" } as const;
const HASTE = { ...TOKEN, authTimeoutMs: 500 } as const;

const ACCESS_SCENARIOS: readonly Scenario[] = [
  says("the right user and password", 'CONNECT {"user":"me","pass":"pw"}\r\n', USER),
  says("a wrong password", 'CONNECT {"user":"me","pass":"no"}\r\n', USER),
  says("a wrong user", 'CONNECT {"user":"you","pass":"pw"}\r\n', USER),
  says("an empty password", 'CONNECT {"user":"me","pass":""}\r\n', USER),
  says("a user without a password", 'CONNECT {"user":"me"}\r\n', USER),
  says("nobody", "CONNECT {}\r\n", USER),
  says("a token where a user is wanted", 'CONNECT {"auth_token":"pw"}\r\n', USER),
  says("a refusal, verbose off", 'CONNECT {"verbose":false}\r\n', USER),
  says("the right token", 'CONNECT {"auth_token":"t"}\r\n', TOKEN),
  says("a wrong token", 'CONNECT {"auth_token":"x"}\r\n', TOKEN),
  says("a token as password", 'CONNECT {"user":"me","pass":"t"}\r\n', TOKEN),
  says("a token that is no text", 'CONNECT {"auth_token":1}\r\n', TOKEN),
  says("PING before CONNECT", "PING\r\n", TOKEN),
  says("PUB before CONNECT", pub("a", "x"), TOKEN),
  says("a verb that is none before CONNECT", "FOO\r\n", TOKEN),
  says("a lower case connect", 'connect {"auth_token":"t"}\r\n', TOKEN),
  says("a verb that begins like CONNECT", "COFFEE\r\n", TOKEN),
  says(
    "a second CONNECT with a wrong token",
    'CONNECT {"auth_token":"t"}\r\nCONNECT {"auth_token":"x"}\r\n',
    TOKEN,
  ),
  says(
    "a second CONNECT that names no token keeps it",
    'CONNECT {"auth_token":"t"}\r\nCONNECT {"verbose":false}\r\n',
    TOKEN,
  ),
  says("an account by name, with the right token", 'CONNECT {"auth_token":"t","account":"A"}\r\n', TOKEN),
  says("protocol 2, with a wrong token", 'CONNECT {"auth_token":"x","protocol":2}\r\n', TOKEN),
  says("protocol 2, with the right token", 'CONNECT {"auth_token":"t","protocol":2}\r\n', TOKEN),
  says("what follows a refused CONNECT", `CONNECT {"auth_token":"x"}\r\nPING\r\nSUB a 1\r\n`, TOKEN),
  waits("no CONNECT in time", "", HASTE),
  waits("half a CONNECT in time", 'CONNECT {"auth_tok', HASTE),
];

const CONNECTION_SCENARIOS: readonly Scenario[] = [
  talkOn({ maxConnections: 1 }, "one connection too many", [0, QUIET], [1, ""], [0, ""]),
  talkOn({ maxConnections: 2 }, "as many connections as allowed", [0, QUIET], [1, QUIET], [0, ""], [1, ""]),
  waits("a client that does not answer PING", QUIET, { pingIntervalMs: 100 }),
  waits("a client that does not answer PING, once", QUIET, { pingIntervalMs: 100, maxPingsOut: 1 }),
  waits("a client that answers PING before it is sent", `${QUIET}PONG\r\nPONG\r\n`, {
    pingIntervalMs: 100,
    maxPingsOut: 1,
  }),
  waits("a client without CONNECT that does not answer PING", "", { pingIntervalMs: 100, maxPingsOut: 1 }),
];

export const CONNECT_SCENARIOS: readonly Scenario[] = [
  ...ARGUMENT_SCENARIOS,
  ...SECOND_SCENARIOS,
  ...ACCESS_SCENARIOS,
  ...CONNECTION_SCENARIOS,
];
