import type { RawClient } from "../support/raw-client.js";
import type { ConfiguredScenario } from "../support/transcripts.js";
import { connect } from "./auth-scenarios.js";

/** Two users: `u` with these permissions, and `all` without any. */
function users(permissions: string): string {
  return `authorization { users: [
    { user: u, password: pw, permissions { ${permissions} } }
    { user: all, password: pw }
  ] }`;
}

/** `u` sends `text`; `all` listens to everything, and publishes `afterwards`. */
function limits(
  name: string,
  permissions: string,
  { text, afterwards = "" }: { readonly text: string; readonly afterwards?: string },
): ConfiguredScenario {
  return {
    name,
    config: users(permissions),
    play: async (open) => {
      const all = await open();
      all.send(`${connect({ user: "all", pass: "pw", echo: false })}SUB > all\r\n`);
      await all.sync();
      const limited = await open();
      limited.send(connect({ user: "u", pass: "pw" }) + text);
      await limited.sync();
      await all.sync();
      all.send(afterwards);
      await all.sync();
      await limited.sync();
    },
  };
}

function pub(...subjects: readonly string[]): string {
  return subjects.map((subject) => `PUB ${subject} 1\r\nx\r\n`).join("");
}

function hpub(...subjects: readonly string[]): string {
  return subjects.map((subject) => `HPUB ${subject} 12 13\r\nNATS/1.0\r\n\r\nx\r\n`).join("");
}

function sub(...filters: readonly string[]): string {
  return filters.map((filter, i) => `SUB ${filter} ${i}\r\n`).join("");
}

/** A requester and a responder whose answers are limited. */
function answers(
  name: string,
  permissions: string,
  script: (responder: RawClient, requester: RawClient) => Promise<void>,
): ConfiguredScenario {
  return {
    name,
    config: users(permissions),
    play: async (open) => {
      const responder = await open();
      responder.send(`${connect({ user: "u", pass: "pw" })}SUB svc 1\r\n`);
      await responder.sync();
      const requester = await open();
      requester.send(`${connect({ user: "all", pass: "pw" })}SUB reply.* 1\r\n`);
      await requester.sync();
      await script(responder, requester);
      await responder.sync();
      await requester.sync();
    },
  };
}

export const PERMISSION_SCENARIOS: readonly ConfiguredScenario[] = [
  limits("publish: allow", 'publish: ["a", "b.*", "c.>"]', {
    text: pub("a", "a.b", "b", "b.x", "b.x.y", "c", "c.x.y", "d") + hpub("a", "d", "b.x"),
  }),
  limits("publish: deny", 'publish: { deny: ["a", "b.*", "c.>"] }', {
    text: pub("a", "a.b", "b", "b.x", "b.x.y", "c", "c.x.y", "d") + hpub("a", "d"),
  }),
  limits("publish: allow and deny", "publish: { allow: a.>, deny: a.b }", {
    text: pub("a.a", "a.b", "a.a", "a.b", "b", "a.b.c"),
  }),
  limits("publish: replies are not looked at", "publish: a", {
    text: "PUB a b 1\r\nx\r\nHPUB a c 12 13\r\nNATS/1.0\r\n\r\nx\r\nPUB a $JS.ACK.x 0\r\n\r\nPUB a _R_.x 0\r\n\r\n",
  }),
  limits("publish: an empty list allows everything", "publish: { allow: [] }", { text: pub("a", "b") }),
  limits("subscribe: allow", 'subscribe: ["a", "b.*", "c.>"]', {
    text: sub("a", "a.*", "b", "b.x", "b.*", "c.x", "c.*.x", "c.>", "d", ">", "*"),
    afterwards: pub("a", "b.x", "c.x.x", "d"),
  }),
  limits("subscribe: deny", 'subscribe: { deny: ["a", "b.*", "c.>"] }', {
    text: sub("a", "b", "b.x", "b.*", "c.x", "c.>", "d"),
    afterwards: pub("a", "b", "b.x", "c.x", "d"),
  }),
  limits(
    "subscribe: a deny inside an allowed wildcard",
    'subscribe: { allow: ["a.>"], deny: ["a.b", "a.c.*"] }',
    {
      text: sub("a.>", "a.*", "a.c.x", "a.*.x", "a.b"),
      afterwards: pub("a.a", "a.b", "a.c.x", "a.c.x.y", "a.d.x") + hpub("a.b", "a.d"),
    },
  ),
  limits("subscribe: queues that are allowed", 'subscribe: { allow: ["a", "b q1", "c q.*", "d", "d q1"] }', {
    text: "SUB a 1\r\nSUB a x 2\r\nSUB b 3\r\nSUB b q1 4\r\nSUB b q2 5\r\nSUB c q.1 6\r\nSUB c q 7\r\nSUB d 8\r\nSUB d q1 9\r\nSUB d q2 10\r\n",
    afterwards: pub("b", "c"),
  }),
  limits("subscribe: queues that are denied", 'subscribe: { deny: ["b q1", "c q.*"] }', {
    text: "SUB a 1\r\nSUB b 2\r\nSUB b q1 3\r\nSUB b q2 4\r\nSUB c q.1 5\r\nSUB c q 6\r\nSUB x _sys_ 7\r\n",
    afterwards: pub("c"),
  }),
  {
    name: "default_permissions hold for those who have none",
    config: `authorization {
      default_permissions { publish: d, subscribe: d }
      users: [{ user: a, password: pw }, { user: b, password: pw, permissions { publish: e } }]
    }`,
    play: async (open) => {
      for (const user of ["a", "b"]) {
        const client = await open();
        client.send(connect({ user, pass: "pw" }) + sub("d", "e") + pub("d", "e"));
        await client.sync();
      }
    },
  },
  answers(
    "allow_responses: one answer",
    "subscribe: svc, allow_responses: true",
    async (responder, requester) => {
      responder.send(pub("reply.1"));
      await responder.sync();
      requester.send("PUB svc reply.1 1\r\nx\r\nHPUB svc reply.2 12 13\r\nNATS/1.0\r\n\r\nx\r\n");
      await requester.sync();
      await responder.sync();
      responder.send(pub("reply.1", "reply.1", "reply.2", "reply.3"));
    },
  ),
  answers(
    "allow_responses: a number of answers, beside what is allowed",
    'publish: reply.9, allow_responses: { max: 2, expires: "1m" }',
    async (responder, requester) => {
      requester.send("PUB svc reply.1 1\r\nx\r\nPUB svc reply.9 1\r\nx\r\n");
      await requester.sync();
      await responder.sync();
      responder.send(pub("reply.1", "reply.9", "reply.1", "reply.9", "reply.1", "other"));
    },
  ),
  answers(
    "allow_responses: not any more when they expire",
    'allow_responses: { max: -1, expires: "1ms" }',
    async (responder, requester) => {
      requester.send("PUB svc reply.1 1\r\nx\r\n");
      await requester.sync();
      await responder.sync();
      // Round trips take longer than the millisecond.
      for (let i = 0; i < 30; i++) await requester.sync();
      responder.send(pub("reply.1"));
    },
  ),
  answers(
    "allow_responses with publish denied",
    "publish: { deny: reply.1 }, allow_responses: true",
    async (responder, requester) => {
      requester.send("PUB svc reply.1 1\r\nx\r\nPUB svc reply.2 1\r\nx\r\n");
      await requester.sync();
      await responder.sync();
      responder.send(pub("reply.1", "reply.2", "reply.2", "other"));
    },
  ),
];
