import type { RawClient } from "../support/raw-client.js";

/** How the server of a scenario is set up. */
export interface ServerSettings {
  readonly maxPayloadBytes?: number;
  readonly maxControlLineBytes?: number;
  readonly maxConnections?: number;
  readonly maxSubscriptions?: number;
  readonly authTimeoutMs?: number;
  readonly pingIntervalMs?: number;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/** A scripted conversation with a server. The transcripts of its clients must be equal on every server. */
export interface Scenario {
  readonly name: string;
  readonly settings?: ServerSettings;
  /** @param open - connects one more client; their transcripts are compared in this order. */
  play(open: () => Promise<RawClient>): Promise<void>;
}

const QUIET = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n';
const HEADERS = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n';

/** A scenario of one client that sends `text` and then has its PING answered. */
function says(name: string, text: string, settings: ServerSettings = {}): Scenario {
  return {
    name,
    settings,
    play: async (open) => {
      const client = await open();
      client.send(text);
      await client.sync();
    },
  };
}

/** A scenario of one client that sends `text` and is cut off. */
function isCutOff(name: string, text: string, settings: ServerSettings = {}): Scenario {
  return {
    name,
    settings,
    play: async (open) => {
      const client = await open();
      client.send(text);
      await client.closed();
    },
  };
}

/** A scenario of two clients: the first subscribes, the second publishes. */
function delivers(name: string, subscriber: string, publisher: string): Scenario {
  return {
    name,
    play: async (open) => {
      const first = await open();
      first.send(subscriber);
      await first.sync();
      const second = await open();
      second.send(publisher);
      await second.sync();
      await first.sync();
    },
  };
}

const VERBOSE: readonly Scenario[] = [
  says(
    "a client that sends no CONNECT is verbose, pedantic and hears itself",
    "SUB a 1\r\nPUB a 2\r\nhi\r\nUNSUB 1\r\n",
  ),
  says(
    "verbose answers every operation in order",
    "CONNECT {}\r\nPING\r\nSUB a 1\r\nPUB a 1\r\nx\r\nUNSUB 1 5\r\nUNSUB 99\r\nPUB b 0\r\n\r\n",
  ),
  says("verbose off answers nothing", `${QUIET}SUB a 1\r\nUNSUB 1\r\nPUB a 0\r\n\r\n`),
  says(
    "pedantic complains about the subject of a message and delivers it",
    "SUB > 1\r\nPUB a.* 1\r\nx\r\nPUB a. 1\r\ny\r\n",
  ),
  says("without pedantic nobody complains", `${QUIET}SUB a.* 1\r\nPUB a.* 1\r\nx\r\n`),
  says(
    "invalid subjects are refused without +OK, the connection goes on",
    "SUB a..b 1\r\nSUB >.a 2\r\nSUB a. 3\r\nSUB .a 4\r\n",
  ),
  says(
    "a sid that is in use keeps its first subscription",
    "SUB a 1\r\nSUB b 1\r\nPUB a 1\r\nx\r\nPUB b 1\r\ny\r\n",
  ),
  says(
    "verbs are case-insensitive, tabs separate, a bare LF ends a line",
    `${QUIET}sub\ta \t 1\npUb a\t1\nx\r\npub  a  r  1 \r\ny\r\n`,
  ),
  says("INFO and +OK of a client are ignored", `${QUIET}INFO {}\r\n+OK\r\n`),
];

const DELIVERY: readonly Scenario[] = [
  delivers(
    "wildcards",
    `${QUIET}SUB a.* 1\r\nSUB a.> 2\r\nSUB > 3\r\nSUB a.b 4\r\nSUB * 5\r\nSUB a.b.c 6\r\n`,
    `${QUIET}PUB a 1\r\n1\r\n`,
  ),
  delivers(
    "wildcard characters inside tokens are literal",
    `${QUIET}SUB a*.b 1\r\nSUB a.>b 2\r\n`,
    `${QUIET}PUB a*.b 1\r\n1\r\nPUB ax.b 1\r\n2\r\nPUB a.>b 1\r\n3\r\n`,
  ),
  delivers(
    "reply subjects and empty payloads",
    `${QUIET}SUB a 1\r\n`,
    `${QUIET}PUB a reply.to 0\r\n\r\nPUB a 0\r\n\r\n`,
  ),
  delivers("sizes keep their digits", `${QUIET}SUB a 1\r\n`, `${QUIET}PUB a 002\r\nhi\r\n`),
  delivers(
    "one member of a queue group, and every plain subscription",
    `${QUIET}SUB a q 7\r\nSUB a 8\r\n`,
    `${QUIET}PUB a 1\r\nx\r\n`,
  ),
  delivers(
    "UNSUB with a maximum ends after that many messages",
    `${QUIET}SUB a 1\r\nUNSUB 1 2\r\n`,
    `${QUIET}PUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n`,
  ),
  {
    name: "UNSUB with a maximum counts what was delivered before",
    play: async (open) => {
      const client = await open();
      client.send(
        `${QUIET}SUB a 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nUNSUB 1 3\r\nPUB a 1\r\n3\r\nPUB a 1\r\n4\r\n`,
      );
      client.send(
        "SUB b 2\r\nPUB b 1\r\n1\r\nPUB b 1\r\n2\r\nUNSUB 2 2\r\nPUB b 1\r\n3\r\nSUB b 2\r\nPUB b 1\r\n4\r\n",
      );
      await client.sync();
    },
  },
  says(
    "echo off: own messages are not delivered",
    'CONNECT {"verbose":false,"echo":false}\r\nSUB a 1\r\nSUB a q 2\r\nPUB a 1\r\nx\r\n',
  ),
  {
    name: "echo off: a queue group gives the message to another connection",
    play: async (open) => {
      const other = await open();
      other.send(`${QUIET}SUB a q 1\r\n`);
      await other.sync();
      const silent = await open();
      silent.send('CONNECT {"verbose":false,"echo":false}\r\nSUB a q 1\r\nPUB a 1\r\nx\r\nPUB a 1\r\ny\r\n');
      await silent.sync();
      await other.sync();
    },
  },
];

const BLOCK = "NATS/1.0\r\nA: b\r\n\r\n";
const HEADED = `HPUB a r ${BLOCK.length} ${BLOCK.length + 2}\r\n${BLOCK}hi\r\n`;

const HEADER_SCENARIOS: readonly Scenario[] = [
  delivers("headers reach who understands them", `${HEADERS}SUB a 1\r\n`, `${HEADERS}${HEADED}`),
  delivers(
    "who does not gets the payload alone",
    `${QUIET}SUB a 1\r\n`,
    `${HEADERS}${HEADED}HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n`,
  ),
  delivers("an empty header block is none", `${HEADERS}SUB a 1\r\n`, `${HEADERS}HPUB a 0 2\r\nhi\r\n`),
  isCutOff("HPUB without having agreed on headers", `${QUIET}${HEADED}`),
  says(
    "no responders: 503 to the own subscription of the reply",
    `${HEADERS}SUB inbox.* 7\r\nPUB nobody inbox.1 0\r\n\r\n`,
  ),
  says(
    "no responders: nothing without a subscription for the reply",
    `${HEADERS}PUB nobody inbox.1 0\r\n\r\n`,
  ),
  says("no responders: nothing without a reply", `${HEADERS}SUB inbox 1\r\nPUB nobody 0\r\n\r\n`),
  says("no responders: not unless asked for", `${QUIET}SUB inbox 1\r\nPUB nobody inbox 0\r\n\r\n`),
  says(
    "no responders: own messages that echo suppresses reached nobody",
    'CONNECT {"verbose":false,"headers":true,"no_responders":true,"echo":false}\r\nSUB a 1\r\nSUB inbox 2\r\nPUB a inbox 0\r\n\r\n',
  ),
  says(
    "replies of the server's own are refused",
    `${QUIET}SUB a 1\r\nPUB a $JS.ACK.s.c.1.1.1.1.1 0\r\n\r\nPUB a _R_.x 0\r\n\r\nPUB a _GR_.x 0\r\n\r\n`,
  ),
];

const FAULTS: readonly Scenario[] = [
  isCutOff("an unknown operation", `${QUIET}FOO\r\n`),
  isCutOff("an unknown operation, before its line is complete", `${QUIET}PUX`),
  isCutOff("an HTTP request", "GET / HTTP/1.1\r\n\r\n"),
  isCutOff("PUB without a size", `${QUIET}PUB a\r\n`),
  isCutOff("PUB with too many arguments", `${QUIET}PUB a b c 1\r\n`),
  isCutOff("PUB with a size that is no number", `${QUIET}PUB a x\r\n`),
  isCutOff("a payload without CRLF", `${QUIET}PUB a 1\r\nxyz\r\n`),
  isCutOff("SUB without a sid", `${QUIET}SUB a\r\n`),
  isCutOff("UNSUB with too many arguments", `${QUIET}UNSUB 1 2 3\r\n`),
  isCutOff("HPUB whose header is larger than the message", `${HEADERS}HPUB a 20 10\r\n`),
  isCutOff("CONNECT that is no JSON", "CONNECT {\r\n"),
  isCutOff("CONNECT with an option of the wrong type", 'CONNECT {"verbose":"yes"}\r\n'),
  isCutOff("a protocol level there is not", 'CONNECT {"verbose":false,"protocol":2}\r\n'),
  isCutOff("no_responders without headers", 'CONNECT {"verbose":false,"no_responders":true}\r\n'),
  isCutOff("an account by name", 'CONNECT {"verbose":false,"account":"A"}\r\n'),
  isCutOff("-ERR of a client", `${QUIET}-ERR 'no'\r\n`),
  isCutOff("a payload over the maximum", `${QUIET}PUB a 101\r\n`, { maxPayloadBytes: 100 }),
  isCutOff("a control line over the maximum", `${QUIET}SUB ${"a".repeat(200)} 1\r\n`, {
    maxControlLineBytes: 128,
  }),
  isCutOff("a control line over the maximum that does not end", `${QUIET}SUB ${"a".repeat(300)}`, {
    maxControlLineBytes: 128,
  }),
  says(
    "a payload and a control line of exactly the maximum",
    `${QUIET}SUB ${"a".repeat(126)} 1\r\nPUB b 100\r\n${"x".repeat(100)}\r\n`,
    {
      maxPayloadBytes: 100,
      maxControlLineBytes: 128,
    },
  ),
  says(
    "more subscriptions than allowed",
    "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB c 1\r\nx\r\nUNSUB 1\r\nSUB c 3\r\n",
    { maxSubscriptions: 2 },
  ),
];

const ACCESS: readonly Scenario[] = [
  {
    name: "one connection too many",
    settings: { maxConnections: 1 },
    play: async (open) => {
      const first = await open();
      await first.sync();
      await (await open()).closed();
      await first.sync();
    },
  },
  says("the right user and password", 'CONNECT {"verbose":true,"user":"me","pass":"pw"}\r\n', {
    user: "me",
    pass: "pw",
  }),
  isCutOff("a wrong password", 'CONNECT {"verbose":true,"user":"me","pass":"no"}\r\n', {
    user: "me",
    pass: "pw",
  }),
  isCutOff("no password", "CONNECT {}\r\n", { user: "me", pass: "pw" }),
  says("the right token", 'CONNECT {"auth_token":"t"}\r\n', { token: "t" }),
  isCutOff("a wrong token", 'CONNECT {"auth_token":"x"}\r\n', { token: "t" }),
  isCutOff("another operation before CONNECT", "PING\r\n", { token: "t" }),
  isCutOff("no CONNECT in time", "", { token: "t", authTimeoutMs: 1000 }),
  {
    name: "a client that does not answer PING",
    settings: { pingIntervalMs: 100 },
    play: async (open) => {
      const client = await open();
      client.send(QUIET);
      await client.closed();
    },
  },
];

/** Every scenario of the core protocol. */
export const CORE_SCENARIOS: readonly Scenario[] = [
  ...VERBOSE,
  ...DELIVERY,
  ...HEADER_SCENARIOS,
  ...FAULTS,
  ...ACCESS,
];
