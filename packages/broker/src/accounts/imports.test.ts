import { VirtualClock } from "@ganglion/kernel";
import { describe, expect, it } from "vitest";
import { readConfig } from "../config/load-config.js";
import { parseConfig } from "../config/parser.js";
import type { Account } from "./account.js";
import { Accounts } from "./accounts.js";

const LATENCY = "io.nats.server.metric.v1.service_latency";

function start(text: string) {
  const clock = new VirtualClock();
  const world = { readFile: () => "", env: {} };
  const config = readConfig(parseConfig({ text, file: "f" }, world)).config;
  const accounts = new Accounts(config, { clock, serverName: "server", findConnection: () => undefined });
  const account = (name: string) => accounts.getOrCreate(name);
  return { clock, accounts, a: account("A"), b: account("B") };
}

function service(options = ""): string {
  return `accounts {
    A { exports: [{ service: svc, ${options} }] }
    B { imports: [{ service: { account: A, subject: svc }, to: mine }] }
  }`;
}

function publish(
  account: Account,
  subject: string,
  { reply, data = "x" }: { reply?: string; data?: string } = {},
) {
  return account.bus.publish({ subject, reply, headerSizeBytes: 0, data: Buffer.from(data) });
}

/** Subjects and replies of what arrives. */
function listen(account: Account, filter: string) {
  const seen: { subject: string; reply: string | undefined; text: string }[] = [];
  const stop = account.bus.subscribe(filter, ({ subject, reply, data, headerSizeBytes }) => {
    seen.push({ subject, reply, text: Buffer.from(data.subarray(headerSizeBytes)).toString() });
  });
  return { seen, stop };
}

describe("a service that is imported", () => {
  it("has interest when the other account has", () => {
    const { a, b } = start(service());
    expect(b.bus.hasInterest("mine")).toBe(false);
    expect(publish(b, "mine", { reply: "inbox" })).toBe(0);
    const { stop } = listen(a, "svc");
    expect(b.bus.hasInterest("mine")).toBe(true);
    expect(publish(b, "mine", { reply: "inbox" })).toBe(1);
    stop();
    expect(publish(b, "mine")).toBe(0);
  });

  it("may be answered once, and within the response threshold", () => {
    const { clock, a, b } = start(service("threshold: 1s"));
    const { seen: requests } = listen(a, "svc");
    const { seen: answers } = listen(b, "inbox.*");
    for (const reply of ["inbox.1", "inbox.2"]) publish(b, "mine", { reply });
    const [first = "", second = ""] = requests.map(({ reply }) => reply);
    clock.advance(900);
    publish(a, first, { data: "in time" });
    publish(a, first, { data: "again" });
    clock.advance(200);
    publish(a, second, { data: "too late" });
    expect(answers.map(({ subject, text }) => [subject, text])).toEqual([["inbox.1", "in time"]]);
  });

  it("may answer a stream as long as the pauses are short", () => {
    const { clock, a, b } = start(service("threshold: 1s, response_type: stream"));
    const { seen: requests } = listen(a, "svc");
    const { seen: answers } = listen(b, "inbox");
    publish(b, "mine", { reply: "inbox" });
    const reply = requests[0]?.reply ?? "";
    for (const data of ["1", "2", "3"]) {
      clock.advance(900);
      publish(a, reply, { data });
    }
    clock.advance(2100);
    publish(a, reply, { data: "4" });
    expect(answers.map(({ text }) => text)).toEqual(["1", "2", "3"]);
  });

  it("is not answered any more when nobody waits", () => {
    const { a, b } = start(service("response_type: stream"));
    const { seen: requests } = listen(a, "svc");
    const { seen: answers, stop } = listen(b, "inbox.>");
    publish(b, "mine", { reply: "inbox.1" });
    const reply = requests[0]?.reply ?? "";
    const changes: boolean[] = [];
    expect(a.bus.hasInterest(reply)).toBe(true);
    a.bus.watchInterest(reply, undefined, (active) => changes.push(active));
    stop();
    expect(a.bus.hasInterest(reply)).toBe(false);
    expect(changes).toEqual([false]);
    listen(b, "inbox.1");
    publish(a, reply);
    expect(answers).toEqual([]);
  });

  it("is refused to go round in a circle, even through accounts that were changed afterwards", () => {
    const { accounts, a, b } = start(service());
    // Nobody checks links that are made while the broker runs.
    accounts.define({
      name: "A",
      users: [],
      mappings: [],
      exports: [{ kind: "service", subject: "svc" }],
      imports: [{ kind: "service", account: "B", subject: "mine", to: "svc", share: false }],
    });
    accounts.define({
      name: "B",
      users: [],
      mappings: [],
      exports: [{ kind: "service", subject: "mine" }],
      imports: [{ kind: "service", account: "A", subject: "svc", to: "mine", share: false }],
    });
    const { seen } = listen(a, "svc");
    expect(publish(b, "mine", { reply: "inbox" })).toBe(1);
    expect(seen).toHaveLength(1);
  });
});

describe("links that change", () => {
  it("hold for messages from then on", () => {
    const text = `accounts {
      A { exports: [{ stream: foo }] }
      B { imports: [{ stream: { account: A, subject: foo }, to: bar }] }
    }`;
    const { accounts, a, b } = start(text);
    const { seen } = listen(b, ">");
    const none = { users: [], mappings: [], imports: [], exports: [] };
    publish(a, "foo", { data: "1" });
    accounts.define({ ...none, name: "A" });
    publish(a, "foo", { data: "no export" });
    accounts.define({ ...none, name: "A", exports: [{ kind: "stream", subject: ">" }] });
    publish(a, "foo", { data: "2" });
    accounts.define({ ...none, name: "A", exports: [{ kind: "stream", subject: ">", accounts: ["C"] }] });
    publish(a, "foo", { data: "for others" });
    accounts.define({ ...none, name: "B" });
    publish(a, "foo", { data: "no import" });
    expect(seen.map(({ subject, text: data }) => `${subject} ${data}`)).toEqual(["bar 1", "bar 2"]);
  });

  it("end when a configuration does not name the account any more", () => {
    const { accounts, a, b } = start(service());
    listen(a, "svc");
    expect(b.bus.hasInterest("mine")).toBe(true);
    accounts.configure({});
    expect(b.bus.hasInterest("mine")).toBe(false);
  });

  it("reach who watches for interest", () => {
    const { accounts, a, b } = start(`accounts {
      A { exports: [{ stream: foo.> }] }
      B { imports: [{ stream: { account: A, subject: foo.> } }] }
    }`);
    const changes: boolean[] = [];
    a.bus.watchInterest("foo.a", undefined, (active) => changes.push(active));
    const { stop } = listen(b, "foo.*");
    stop();
    listen(b, "foo.a");
    accounts.define({ name: "B", users: [], mappings: [], imports: [], exports: [] });
    expect(changes).toEqual([true, false, true, false]);
  });
});

describe("the latency of a service", () => {
  /** What the account of the service is told when `script` is played. */
  function events(script: (world: ReturnType<typeof start>) => void, latency = "latency: lat"): unknown[] {
    const world = start(service(`${latency}, threshold: 1s`));
    const { seen } = listen(world.a, "lat");
    script(world);
    return seen.map(({ text }) => {
      const { id, timestamp, start: started, ...rest } = JSON.parse(text);
      expect([typeof id, typeof timestamp, typeof started]).toEqual(["string", "string", "string"]);
      return rest;
    });
  }
  const nothing = { service: 0, system: 0, total: 0 };

  it("is told after the first answer", () => {
    const told = events(({ clock, a, b }) => {
      const { seen } = listen(a, "svc");
      listen(b, "inbox");
      publish(b, "mine", { reply: "inbox" });
      clock.advance(3);
      publish(a, seen[0]?.reply ?? "");
    });
    expect(told).toEqual([{ type: LATENCY, status: 200, service: 3e6, system: 0, total: 3e6 }]);
  });

  it("is told of requests without an answer", () => {
    expect(events(({ b }) => publish(b, "mine", { reply: "inbox" }))).toEqual([
      { type: LATENCY, status: 503, description: "Service Unavailable", ...nothing },
    ]);
    expect(events(({ b }) => publish(b, "mine"))).toEqual([
      { type: LATENCY, status: 400, description: "Bad Request", ...nothing },
    ]);
    const timeout = events(({ clock, a, b }) => {
      listen(a, "svc");
      publish(b, "mine", { reply: "inbox" });
      clock.advance(1001);
    });
    expect(timeout).toEqual([{ type: LATENCY, status: 504, description: "Service Timeout", ...nothing }]);
    const lost = events(({ a, b }) => {
      listen(a, "svc");
      const { stop } = listen(b, "inbox");
      publish(b, "mine", { reply: "inbox" });
      stop();
    });
    expect(lost).toEqual([{ type: LATENCY, status: 408, description: "Request Timeout", ...nothing }]);
  });

  it("is measured where headers ask for it", () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
    const ask = (header: string) =>
      events(({ b }) => {
        const block = Buffer.from(`NATS/1.0\r\n${header}\r\n\r\n`);
        b.bus.publish({ subject: "mine", reply: "r", headerSizeBytes: block.length, data: block });
      }, "latency: { sampling: headers, subject: lat }");
    expect(ask("Other: 1")).toEqual([]);
    expect(ask(`traceparent: ${traceparent}-00`)).toEqual([]);
    expect(ask("X-B3-Sampled: 0")).toEqual([]);
    expect(ask("Uber-Trace-Id: a:b:c:2")).toEqual([]);
    const header = (name: string, value: string) => [
      expect.objectContaining({ header: { [name]: [value] } }),
    ];
    expect(ask(`traceparent: ${traceparent}-01`)).toEqual(header("Traceparent", `${traceparent}-01`));
    expect(ask("X-B3-Sampled: 1")).toEqual(header("X-B3-Sampled", "1"));
    expect(ask("b3: a-b-1")).toEqual(header("B3", "a-b-1"));
    expect(ask("uber-trace-id: a:b:c:1")).toEqual(header("Uber-Trace-Id", "a:b:c:1"));
  });
});
