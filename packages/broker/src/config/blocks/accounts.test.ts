import { isGanglionError } from "@ganglion/kernel";
import { describe, expect, it, test } from "vitest";
import { createNkey } from "../../auth/nkey.js";
import { faultsOf, formatFault } from "../fault.js";
import { type LoadedConfig, readConfig } from "../load-config.js";
import { parseConfig } from "../parser.js";
import type { BrokerConfig } from "../schema.js";

function load(text: string): LoadedConfig {
  return readConfig(parseConfig({ text, file: "f" }, { readFile: () => "", env: {} }));
}

function config(text: string): BrokerConfig {
  return load(text).config;
}

/** The faults of a text, or its warnings when it has no faults. */
function findings(text: string): readonly string[] {
  try {
    return load(text).warnings.map(formatFault);
  } catch (error) {
    if (!isGanglionError(error, "INVALID_CONFIG")) throw error;
    return faultsOf(error).map(formatFault);
  }
}

const ACCOUNT = createNkey("account").publicKey;

describe("accounts", () => {
  it("reads users, limits, JetStream, mappings and tracing", () => {
    const [account] =
      config(`accounts { A {
      nkey: ${ACCOUNT}
      users: [{ user: a }], default_permissions { pub: x }
      jetstream { max_mem: 1MB, max_file: -1, max_streams: 2, max_consumers: 3, max_bytes: true
        mem_max_stream_bytes: 4, disk_max_stream_bytes: 5, max_ack_pending: 6, cluster_traffic: owner }
      limits { max_conn: 1, max_subs: 2, max_pay: 3, max_leafs: 4 }
      mappings { "a.*": "b.$1", c: [{ dest: d, weight: 20% }, { destination: e, weight: 80, cluster: x }] }
      msg_trace: { dest: t, sampling: "5%" } } }`).accounts ?? [];
    expect(account).toEqual({
      name: "A",
      nkey: ACCOUNT,
      users: [{ user: "a", permissions: { publish: { allow: ["x"] } } }],
      defaultPermissions: { publish: { allow: ["x"] } },
      imports: [],
      exports: [],
      jetstream: {
        maxMemoryBytes: 1024 ** 2,
        maxStoreBytes: -1,
        maxStreams: 2,
        maxConsumers: 3,
        maxBytesRequired: true,
        memoryMaxStreamBytes: 4,
        storeMaxStreamBytes: 5,
        maxAckPending: 6,
        clusterTraffic: "owner",
      },
      limits: { maxConnections: 1, maxSubscriptions: 2, maxPayloadBytes: 3, maxLeafNodes: 4 },
      mappings: [
        { source: "a.*", destinations: [{ subject: "b.$1", weight: 100 }] },
        {
          source: "c",
          destinations: [
            { subject: "d", weight: 20 },
            { subject: "e", weight: 80, cluster: "x" },
          ],
        },
      ],
      messageTrace: { destination: "t", sampling: 5 },
    });
  });

  it("can be a list of names, and have variables among them", () => {
    const bare = { users: [], imports: [], exports: [], mappings: [] };
    expect(config("accounts: [A, B]").accounts).toEqual([
      { name: "A", ...bare },
      { name: "B", ...bare },
    ]);
    const withVariable = "accounts { p = { pub: x }, A { users: [{ user: a, permissions: $p }] } }";
    expect(config(withVariable).accounts?.map(({ name }) => name)).toEqual(["A"]);
  });

  it("switches JetStream on and off", () => {
    const of = (text: string) => config(`accounts { A { jetstream: ${text} } }`).accounts?.[0]?.jetstream;
    expect([of("true"), of("enabled"), of("ENABLE"), of("{}")]).toEqual([{}, {}, {}, {}]);
    expect([of("false"), of("disabled")]).toEqual([false, false]);
  });

  it("reads exports and imports", () => {
    const { accounts = [] } = config(`accounts {
      A { exports: [
        { stream: "s.>", accounts: [B] }
        { service: q, response: stream, threshold: "1s", allow_trace: true }
        { service: "r.*", account_token_position: 2, latency: { subject: l, sampling: headers } }
        { service: t, latency: m } ] }
      B { imports: [
        { stream: { account: A, subject: "s.x" }, to: y }
        { stream: { account: A, subject: "s.>" }, prefix: z, allow_trace: true }
        { service: { account: A, subject: q } }
        { service: { account: A, subject: "r.B" }, to: r, share: true } ] } }`);
    expect(accounts[0]?.exports).toEqual([
      { kind: "stream", subject: "s.>", accounts: ["B"] },
      { kind: "service", subject: "q", responseType: "stream", responseThresholdMs: 1000, allowTrace: true },
      {
        kind: "service",
        subject: "r.*",
        accountTokenPosition: 2,
        latency: { subject: "l", sampling: "headers" },
      },
      { kind: "service", subject: "t", latency: { subject: "m", sampling: 100 } },
    ]);
    expect(accounts[1]?.imports).toEqual([
      { kind: "stream", account: "A", subject: "s.x", to: "y" },
      { kind: "stream", account: "A", subject: "s.>", prefix: "z", allowTrace: true },
      { kind: "service", account: "A", subject: "q", to: "q", share: false },
      { kind: "service", account: "A", subject: "r.B", to: "r", share: true },
    ]);
  });

  test.each([
    ["accounts { $G {} }", 'f:1:1: "$G" is a reserved account'],
    ["accounts: [A, A]", 'f:1:1: account "A" is defined twice'],
    ["accounts: x", 'f:1:1: accounts must be a map of accounts, or a list of names, not the string "x"'],
    ["accounts { A: 1 }", "f:1:12: A must be a map { … }, not an integer"],
    ["accounts { A { x: 1 } }", 'f:1:16: unknown field "x"'],
    ["accounts { A { nkey: x } }", 'f:1:16: nkey must be the public nkey of an account, not "x"'],
    ["accounts { A { users: [{user: a}] }, B { users: [{user: a}] } }", 'f:1:1: user "a" is defined twice'],
    [
      "authorization { user: a }, accounts { A { users: [{user: a}] } }",
      "f:1:28: a single user and users of accounts exclude each other",
    ],
    [
      "authorization { token: a }, accounts { A { users: [{user: a}] } }",
      "f:1:29: a token and users of accounts exclude each other",
    ],
    [
      "accounts { A { jetstream: maybe } }",
      'f:1:16: jetstream must be one of "enabled", "enable", "disabled", "disable", not the string "maybe"',
    ],
    ["accounts { A { msg_trace: 'a.*' } }", 'f:1:16: "a.*" is not a valid subject without wildcards'],
    ["accounts { A { msg_trace: {sampling: 5} } }", "f:1:28: sampling has no effect without dest"],
    [
      "accounts { A { exports: [{stream: a, service: b}] } }",
      "f:1:26: an export is a stream or a service, not both",
    ],
    ["accounts { A { exports: [{accounts: [A]}] } }", "f:1:26: an export needs a stream or a service"],
    [
      "accounts { A { exports: [{stream: a, response: single}] } }",
      "f:1:38: response_type is for a service only",
    ],
    [
      "accounts { A { exports: [{service: a, response: x}] } }",
      'f:1:39: response must be one of "single", "singleton", "stream", "chunk", "chunked", not the string "x"',
    ],
    [
      "accounts { A { exports: [{service: a, response: stream, latency: l}] } }",
      "f:1:57: latency is measured for singleton services only",
    ],
    [
      "accounts { A { exports: [{service: a, latency: {sampling: 0, subject: l}}] } }",
      "f:1:49: sampling must be from 1 to 100 percent, not the integer 0",
    ],
    ["accounts { A { exports: [{service: a, latency: {sampling: 9}}] } }", "f:1:39: latency needs a subject"],
    [
      "accounts { A { exports: [{service: a.b, account_token_position: 2}] } }",
      'f:1:26: token 2 of "a.b" must be "*" to stand for an account',
    ],
    [
      "accounts { A { exports: [{service: a, accounts: []}] } }",
      "f:1:39: an empty list of accounts exports to everybody",
    ],
    ["accounts { A { imports: [{to: a}] } }", "f:1:26: an import needs a stream or a service"],
    ["accounts { A { imports: [{stream: {account: A}}] } }", "f:1:27: stream needs an account and a subject"],
  ])("%j", (text, expected) => expect(findings(text)).toEqual([expected]));

  test.each([
    [
      "mappings { a: [{dest: b, weight: 60}, {dest: c, weight: 50}] }",
      'f:1:12: the weights of the mappings of "a" are more than 100 percent',
    ],
    ["mappings { a: [{dest: b, weight: 1}, {dest: b, weight: 1}] }", 'f:1:12: "a" is mapped to "b" twice'],
    ["mappings { a: {dest: b} }", 'f:1:12: the mapping to "b" needs a weight'],
    ["mappings { a: {weight: 5} }", "f:1:12: a mapping needs a destination"],
    [
      "mappings { a: {dest: b, weight: 101} }",
      "f:1:25: weight must be from 0 to 100 percent, not the integer 101",
    ],
    ["mappings { 'a b': c }", 'f:1:13: "a b" is not a valid subject'],
    ["mappings { a: 'b.$1' }", 'f:1:12: "b.$1" is not a destination for "a"'],
    ["mappings { a.*: 'b.$2' }", 'f:1:12: "b.$2" is not a destination for "a.*"'],
    [
      "maps { a: 1 }",
      "f:1:8: a must be a subject, or a list of maps of destination and weight, not the integer 1",
    ],
  ])("%j", (text, expected) => expect(findings(text)).toContain(expected));
});

describe("links between accounts", () => {
  const accounts = (text: string) => findings(`accounts { ${text} }`);

  it("need an export that allows them", () => {
    const exporter =
      "A { exports: [{ stream: 's.*', accounts: [B] }, { service: 'q.*', account_token_position: 2 }, { service: p }] }";
    const importing = (what: string) => accounts(`${exporter}, B { imports: [{ ${what} }] }, C {}`);
    expect(importing("stream: { account: A, subject: 's.*' }")).toEqual([]);
    expect(importing("stream: { account: A, subject: s.x }")).toEqual([]);
    expect(importing("service: { account: A, subject: q.B }")).toEqual([]);
    expect(importing("service: { account: A, subject: p }, to: x")).toEqual([]);
    const refused = (what: string, why: string) =>
      expect(importing(what)).toEqual([
        expect.stringMatching(new RegExp(`^f:1:\\d+: cannot import the .*: ${why}$`)),
      ]);
    refused("stream: { account: A, subject: s.x.y }", 'it is not exported to "B"');
    refused("stream: { account: A, subject: '>' }", 'it is not exported to "B"');
    refused("stream: { account: A, subject: p }", 'it is not exported to "B"');
    refused("service: { account: A, subject: s.x }", 'it is not exported to "B"');
    refused("service: { account: A, subject: q.C }", 'it is not exported to "B"');
    refused("service: { account: X, subject: p }", "the account is not defined");
    expect(accounts(`${exporter}, B {}, C { imports: [{ stream: { account: A, subject: s.x } }] }`)).toEqual([
      expect.stringContaining('it is not exported to "C"'),
    ]);
    expect(accounts("A { exports: [{ stream: s, accounts: [X] }] }")).toEqual([
      'f:1:1: account "X", which may import "s" of "A", is not defined',
    ]);
  });

  it("must be unique", () => {
    const exporter = "A { exports: [{ stream: s }, { service: q }] }";
    const stream = "{ stream: { account: A, subject: s } }";
    const service = "{ service: { account: A, subject: q } }";
    expect(accounts(`${exporter}, B { imports: [${stream}, ${stream}] }`)).toEqual([
      expect.stringContaining('the stream "s" of account "A" is imported twice'),
    ]);
    expect(accounts(`${exporter}, B { imports: [${service}, ${service}] }`)).toEqual([
      expect.stringContaining('a service of "A" is imported to "q" twice'),
    ]);
  });

  it("must rename every wildcard", () => {
    const importing = (what: string) =>
      accounts(`A { exports: [{ stream: '>' }, { service: '>' }] }, B { imports: [{ ${what} }] }`);
    for (const to of ["y.*.*", "y.$2.$1", "{{wildcard(1)}}.{{wildcard(2)}}"]) {
      expect(importing(`stream: { account: A, subject: "x.*.*" }, to: "${to}"`)).toEqual([]);
      expect(importing(`service: { account: A, subject: "x.*.*" }, to: "${to}"`)).toEqual([]);
    }
    for (const to of ["y.*", "y.$1.$3", "y"]) {
      const fault = expect.stringContaining(`"${to}" does not name every wildcard of "x.*.*"`);
      expect(importing(`stream: { account: A, subject: "x.*.*" }, to: "${to}"`)).toEqual([fault]);
    }
    expect(importing(`stream: { account: A, subject: "x" }, prefix: "y.*"`)).toEqual([
      expect.stringContaining('the prefix "y.*" must be a subject without wildcards'),
    ]);
    expect(importing(`stream: { account: A, subject: "x" }, prefix: "y", to: z`)).toEqual([
      expect.stringContaining("prefix and to exclude each other"),
    ]);
    expect(importing(`service: { account: A, subject: "x" }, allow_trace: true`)).toEqual([
      expect.stringContaining("allow_trace is for a stream only"),
    ]);
    expect(importing(`service: { account: A, subject: "x" }, stream: { account: A, subject: "y" }`)).toEqual([
      expect.stringContaining("an import is a stream or a service, not both"),
    ]);
  });

  it("must not go round in a circle", () => {
    const chain = (kind: string, last: string) => `
      A { exports: [{ ${kind}: '>' }], imports: [{ ${kind}: { account: B, subject: x } }] }
      B { exports: [{ ${kind}: '>' }], imports: [{ ${kind}: { account: C, subject: x } }] }
      C { exports: [{ ${kind}: '>' }], imports: [{ ${kind}: { account: A, subject: "${last}" } }] }`;
    for (const kind of ["stream", "service"]) {
      expect(accounts(chain(kind, "x")).at(0)).toContain("goes round in a circle");
      expect(accounts(chain(kind, "*")).at(0)).toContain("goes round in a circle");
      expect(accounts(chain(kind, "y"))).toEqual([]);
    }
  });

  it("may lead an account to itself, to measure its own service", () => {
    expect(
      accounts("A { exports: [{ service: q }], imports: [{ service: { account: A, subject: q } }] }"),
    ).toEqual([]);
  });
});
