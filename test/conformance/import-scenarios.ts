import type { RawClient } from "../support/raw-client.js";
import type { ConfiguredScenario } from "../support/transcripts.js";
import { accounts, enter } from "./account-scenarios.js";

/** A stream of account A heard in B. B subscribes, A publishes; then B publishes, which nobody in A may hear. */
function stream(
  name: string,
  {
    exported,
    imported,
    ...script
  }: { exported: string; imported: string; subscribe: string; publish: string },
): ConfiguredScenario {
  return {
    name,
    config: accounts({ A: `exports: [${exported}]`, B: `imports: [${imported}]` }),
    play: async (open) => {
      const b = await enter(open, "b", script.subscribe);
      const a = await enter(open, "a", `SUB > all\r\n${script.publish}`);
      await b.sync();
      b.send(script.publish);
      await b.sync();
      await a.sync();
    },
  };
}

function pub(...subjects: readonly string[]): string {
  return subjects.map((subject) => `PUB ${subject} r.${subject} 1\r\nx\r\n`).join("");
}

function sub(...filters: readonly string[]): string {
  return filters.map((filter, i) => `SUB ${filter} ${i}\r\n`).join("");
}

/** A service of account A used by B: `ask` is what B sends, `answer` what A sends once it has a request. */
interface ServiceScript {
  readonly exported: string;
  readonly imported: string;
  readonly serve: string;
  readonly ask: string;
  /** @param reply - the reply subject A was given. */
  readonly answer?: (reply: string) => string;
}

function service(name: string, script: ServiceScript): ConfiguredScenario {
  return {
    name,
    config: accounts({ A: `exports: [${script.exported}]`, B: `imports: [${script.imported}]` }),
    play: async (open) => {
      const a = await enter(open, "a", script.serve);
      const b = await enter(open, "b", `SUB inbox.* in\r\n${script.ask}`);
      await a.sync();
      if (script.answer !== undefined) {
        a.send(script.answer(replyIn(a)));
        await a.sync();
      }
      await b.sync();
    },
  };
}

/** The last reply subject a client was given. */
function replyIn(client: RawClient): string {
  return [...client.received.matchAll(/_R_\.[\w.]+/g)].at(-1)?.[0] ?? "none";
}

const STREAMS: readonly ConfiguredScenario[] = [
  stream("stream: the same subject", {
    exported: "{ stream: foo.> }",
    imported: "{ stream: { account: A, subject: foo.> } }",
    subscribe: sub("foo.>", "foo.a", "foo.*", "*.a", ">", "bar"),
    publish: pub("foo.a", "foo.b.c", "bar"),
  }),
  stream("stream: a part of what is exported", {
    exported: "{ stream: > }",
    imported: "{ stream: { account: A, subject: foo.* } }",
    subscribe: sub("foo.*", "foo.>", ">"),
    publish: pub("foo.a", "foo.b.c", "bar"),
  }),
  stream("stream: with a prefix", {
    exported: "{ stream: foo.* }",
    imported: "{ stream: { account: A, subject: foo.* }, prefix: from.a }",
    subscribe: sub("from.a.foo.*", "from.a.foo.x", "from.>", "foo.*", "from.*.foo.x"),
    publish: pub("foo.x", "foo.y"),
  }),
  stream("stream: another name", {
    exported: "{ stream: foo }",
    imported: "{ stream: { account: A, subject: foo }, to: bar }",
    subscribe: sub("foo", "bar", "*"),
    publish: pub("foo"),
  }),
  stream("stream: tokens in another order", {
    exported: "{ stream: orders.*.* }",
    imported: "{ stream: { account: A, subject: orders.*.* }, to: mine.$2.x.$1 }",
    subscribe: sub("mine.*.x.*", "mine.b.x.a", "mine.c.>", "orders.>"),
    publish: pub("orders.a.b", "orders.a.c"),
  }),
  stream("stream: with a tail", {
    exported: "{ stream: foo.> }",
    imported: "{ stream: { account: A, subject: foo.> }, to: bar.> }",
    subscribe: sub("bar.>", "bar.a", "foo.>"),
    publish: pub("foo.a", "foo.b.c"),
  }),
  stream("stream: members of a queue group, and headers", {
    exported: "{ stream: foo }",
    imported: "{ stream: { account: A, subject: foo }, to: bar }",
    subscribe: "SUB bar q 1\r\nSUB bar 2\r\n",
    publish: `${pub("foo", "foo")}HPUB foo 18 19\r\nNATS/1.0\r\nK: v\r\n\r\nx\r\n`,
  }),
  {
    name: "stream: subscriptions that come and go",
    config: accounts({
      A: "exports: [{ stream: foo.* }]",
      B: "imports: [{ stream: { account: A, subject: foo.* }, to: bar.* }]",
    }),
    play: async (open) => {
      const a = await enter(open, "a");
      const b = await enter(open, "b");
      for (const step of [
        "SUB bar.a 1\r\n",
        "UNSUB 1\r\n",
        "SUB bar.* 2\r\n",
        "SUB bar.a 3\r\n",
        "UNSUB 2\r\n",
      ]) {
        b.send(step);
        await b.sync();
        a.send("PUB foo.a 1\r\nx\r\n");
        await a.sync();
      }
      await b.sync();
    },
  },
  {
    name: "stream: an import is not exported on",
    config: accounts({
      A: "exports: [{ stream: foo }]",
      B: "exports: [{ stream: bar }], imports: [{ stream: { account: A, subject: foo }, to: bar }]",
      C: "imports: [{ stream: { account: B, subject: bar }, to: baz }]",
    }),
    play: async (open) => {
      const c = await enter(open, "c", sub("foo", "bar", "baz"));
      const b = await enter(open, "b", sub("foo", "bar", "baz"));
      await enter(open, "a", pub("foo"));
      await b.sync();
      await c.sync();
      b.send(pub("bar"));
      await b.sync();
      await c.sync();
    },
  },
  {
    name: "stream: a deny of the importing user",
    config: `accounts {
      A { users: [{ user: a, password: pw }], exports: [{ stream: > }] }
      B {
        users: [{ user: b, password: pw, permissions { subscribe: { deny: "x.secret" } } }]
        imports: [{ stream: { account: A, subject: foo.* }, to: x.* }]
      }
    }`,
    play: async (open) => {
      const b = await enter(open, "b", sub("x.*"));
      await enter(open, "a", pub("foo.open", "foo.secret"));
      await b.sync();
    },
  },
];

const SERVICES: readonly ConfiguredScenario[] = [
  service("service: a request and its answer", {
    exported: "{ service: svc }",
    imported: "{ service: { account: A, subject: svc } }",
    serve: sub("svc"),
    ask: "PUB svc inbox.1 3\r\nask\r\n",
    answer: (reply) => `PUB ${reply} 6\r\nanswer\r\nPUB ${reply} 4\r\nmore\r\n`,
  }),
  service("service: another name, headers, an answer with headers", {
    exported: "{ service: svc }",
    imported: "{ service: { account: A, subject: svc }, to: their.svc }",
    serve: sub(">"),
    ask: "HPUB their.svc inbox.1 18 21\r\nNATS/1.0\r\nK: v\r\n\r\nask\r\nPUB svc inbox.2 0\r\n\r\n",
    answer: (reply) => `HPUB ${reply} 18 24\r\nNATS/1.0\r\nA: b\r\n\r\nanswer\r\n`,
  }),
  service("service: wildcards", {
    exported: "{ service: svc.*.* }",
    imported: "{ service: { account: A, subject: svc.*.* }, to: their.$2.$1 }",
    serve: sub("svc.>"),
    ask: "PUB their.a.b inbox.1 3\r\nask\r\n",
    answer: (reply) => `PUB ${reply} 6\r\nanswer\r\n`,
  }),
  service("service: one subject of many", {
    exported: "{ service: svc.> }",
    imported: "{ service: { account: A, subject: svc.one }, to: one }",
    serve: "SUB svc.* q 1\r\n",
    ask: "PUB one inbox.1 3\r\nask\r\nPUB svc.two inbox.2 0\r\n\r\n",
    answer: (reply) => `PUB ${reply} 6\r\nanswer\r\n`,
  }),
  service("service: without a reply", {
    exported: "{ service: svc }",
    imported: "{ service: { account: A, subject: svc } }",
    serve: sub("svc"),
    ask: "PUB svc 3\r\nask\r\n",
  }),
  service("service: beside own subscribers", {
    exported: "{ service: svc }",
    imported: "{ service: { account: A, subject: svc } }",
    serve: sub("svc"),
    ask: "SUB svc own\r\nPUB svc inbox.1 3\r\nask\r\n",
    answer: (reply) => `PUB ${reply} 6\r\nanswer\r\n`,
  }),
  service("service: an answer of several messages, ended by an empty one", {
    exported: "{ service: svc, response_type: stream }",
    imported: "{ service: { account: A, subject: svc } }",
    serve: sub("svc"),
    ask: "PUB svc inbox.1 3\r\nask\r\n",
    answer: (reply) =>
      `PUB ${reply} 1\r\n1\r\nPUB ${reply} 1\r\n2\r\nPUB ${reply} 0\r\n\r\nPUB ${reply} 1\r\n3\r\n`,
  }),
  service("service: an answer in chunks", {
    exported: "{ service: svc, response_type: chunked }",
    imported: "{ service: { account: A, subject: svc } }",
    serve: sub("svc"),
    ask: "PUB svc inbox.1 3\r\nask\r\n",
    answer: (reply) =>
      `PUB ${reply} 1\r\n1\r\nPUB ${reply} 1\r\n2\r\nPUB ${reply} 0\r\n\r\nPUB ${reply} 1\r\n3\r\n`,
  }),
  service("service: who asks is shared", {
    exported: "{ service: svc }",
    imported: "{ service: { account: A, subject: svc }, share: true }",
    serve: sub("svc"),
    ask: "PUB svc inbox.1 3\r\nask\r\nHPUB svc 38 41\r\nNATS/1.0\r\nNats-Request-Info: false\r\n\r\nask\r\n",
  }),
  {
    name: "service: the requester is gone",
    config: accounts({
      A: "exports: [{ service: svc }]",
      B: "imports: [{ service: { account: A, subject: svc } }]",
    }),
    play: async (open) => {
      const a = await enter(open, "a", sub("svc"));
      const b = await enter(open, "b", "SUB inbox 1\r\nPUB svc inbox 0\r\n\r\n");
      await a.sync();
      b.send("UNSUB 1\r\n");
      await b.sync();
      a.send(`SUB none n\r\nPUB ${replyIn(a)} none 1\r\nx\r\n`);
      await a.sync();
    },
  },
  {
    name: "service: a chain of accounts",
    config: accounts({
      A: "exports: [{ service: svc }]",
      B: "exports: [{ service: mid }], imports: [{ service: { account: A, subject: svc }, to: mid }]",
      C: "imports: [{ service: { account: B, subject: mid }, to: far, share: true }]",
    }),
    play: async (open) => {
      const a = await enter(open, "a", sub("svc"));
      const c = await enter(open, "c", "SUB inbox 1\r\nPUB far inbox 3\r\nask\r\n");
      await a.sync();
      a.send(`PUB ${replyIn(a)} 6\r\nanswer\r\n`);
      await a.sync();
      await c.sync();
    },
  },
  {
    name: "service: an answer that asks",
    config: accounts({
      A: "exports: [{ service: svc }]",
      B: "imports: [{ service: { account: A, subject: svc } }]",
    }),
    play: async (open) => {
      const a = await enter(open, "a", sub("svc", "back"));
      const b = await enter(open, "b", "SUB inbox 1\r\nPUB svc inbox 3\r\nask\r\n");
      await a.sync();
      a.send(`PUB ${replyIn(a)} back 5\r\nwhich\r\n`);
      await a.sync();
      await b.sync();
      b.send(`PUB ${replyIn(b)} 4\r\nthis\r\n`);
      await b.sync();
      await a.sync();
    },
  },
  {
    name: "private exports",
    config: accounts({
      A: "exports: [{ stream: s.*, account_token_position: 2 }, { service: q, accounts: [B] }, { stream: p, accounts: [C] }]",
      B: "imports: [{ stream: { account: A, subject: s.B } }, { service: { account: A, subject: q } }]",
      C: "imports: [{ stream: { account: A, subject: s.C } }, { stream: { account: A, subject: p } }]",
    }),
    play: async (open) => {
      const b = await enter(open, "b", sub(">"));
      const c = await enter(open, "c", sub(">"));
      const a = await enter(open, "a", sub("q") + pub("s.B", "s.C", "p"));
      for (const client of [b, c]) {
        client.send("PUB q r 1\r\nx\r\n");
        await client.sync();
      }
      await a.sync();
    },
  },
];

/** Account M with these mappings: one client hears everything, another one publishes. */
function maps(name: string, mappings: string, publish: string): ConfiguredScenario {
  return {
    name,
    config: accounts({ M: `mappings = { ${mappings} }` }),
    play: async (open) => {
      const all = await enter(open, "m", sub(">"));
      const publisher = await enter(open, "m");
      publisher.send(publish);
      await publisher.sync();
      await all.sync();
    },
  };
}

const MAPPINGS: readonly ConfiguredScenario[] = [
  maps("mappings: literal, and what is not mapped", "foo: bar, bar: baz", pub("foo", "bar", "baz", "other")),
  maps(
    "mappings: wildcards",
    '"a.*.*": "x.$2.$1", "b.*": "y.{{wildcard(1)}}.z", "c.>": "d.>"',
    pub("a.1.2", "b.1", "c.1.2", "a.1"),
  ),
  maps(
    "mappings: partition",
    '"p.*.*": "p.{{wildcard(1)}}.{{partition(5,1,2)}}"',
    pub("p.a.b", "p.b.c", "p.c.d", "p.dd.ee"),
  ),
  maps(
    "mappings: functions",
    '"s.*": "t.{{splitfromleft(1,2)}}", "u.*": "v.{{slicefromright(1,2)}}", "w.*": "x.{{split(1,-)}}"',
    pub("s.abcd", "u.abcde", "w.a-b-c"),
  ),
  maps("mappings: all of the weight", "foo: [{ destination: bar, weight: 100% }]", pub("foo", "foo")),
  maps("mappings: loss", "foo: [{ destination: foo, weight: 0% }]", pub("foo", "foo")),
  {
    name: "mappings: of the global account, and permissions for what comes out",
    config: `mappings = { foo: bar }
      authorization { users: [{ user: u, password: pw, permissions { publish: [bar] } }] }`,
    play: async (open) => {
      await enter(open, "u", `${sub(">")}${pub("foo", "bar", "baz")}`);
    },
  },
  {
    name: "mappings: of the account a service is in",
    config: accounts({
      A: "exports: [{ service: svc }], mappings = { svc: svc.v2 }",
      B: "imports: [{ service: { account: A, subject: svc } }]",
    }),
    play: async (open) => {
      const a = await enter(open, "a", sub("svc.v2", "svc"));
      const b = await enter(open, "b", "SUB inbox 1\r\nPUB svc inbox 0\r\n\r\n");
      await a.sync();
      a.send(`PUB ${replyIn(a)} 2\r\nok\r\n`);
      await a.sync();
      await b.sync();
    },
  },
];

export const IMPORT_SCENARIOS: readonly ConfiguredScenario[] = [...STREAMS, ...SERVICES, ...MAPPINGS];
