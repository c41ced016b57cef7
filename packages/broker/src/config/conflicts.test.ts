import { expect, it, test } from "vitest";
import { createNkey } from "../auth/nkey.js";
import { configConflicts } from "./conflicts.js";
import { readConfig } from "./load-config.js";
import { parseConfig } from "./parser.js";

const ACCOUNT = createNkey("account").publicKey;

function conflicts(text: string): readonly string[] {
  const world = { readFile: () => "", env: {} };
  return configConflicts(readConfig(parseConfig({ text, file: "f" }, world)).config);
}

test.each([
  "port: 1",
  "lame_duck_duration: 30s",
  "max_payload: 5MB",
  "no_auth_user: a, authorization { users: [{ user: a }] }",
  "no_auth_user: a, accounts { A { users: [{ user: a }] } }",
  "system_account: A, accounts { A {} }",
  'system_account: "$SYS", accounts { $SYS {} }',
  "operators: [a.jwt], resolver: MEM, system_account: X",
  "operators: [a.jwt], default_sentinel: j",
  "websocket { port: 1, no_tls: true, allowed_origins: ['https://a.b:1', 'http://c'] }",
  "websocket { port: 1, tls { timeout: 1 }, headers { 'X-A': b } }",
  "websocket { compression: true, no_auth_user: a }",
  "leafnodes { remotes: [{ url: 'nats://a' }, { url: 'nats://a', account: '$SYS' }, { url: 'wss://b' }] }",
  "accounts { A {} }, leafnodes { authorization { account: A, users: [{ user: a, account: A }] } }",
  `operators: [a.jwt], leafnodes { remotes: [{ url: 'nats://a', account: ${ACCOUNT} }] }`,
  "cluster { port: 1, compression { mode: auto, rtt_thresholds: [1ms, 0s, 5ms] } }",
  "cluster { port: 1, name: a }, gateway { port: 1, name: a, gateways: [{ name: b, url: 'nats://b' }] }",
  "server_name: s, jetstream: true, cluster { name: c, port: 1 }",
  "jetstream { domain: d, extension_hint: x }, default_js_domain { $G: d }",
])("%s has no conflicts", (text) => expect(conflicts(text)).toEqual([]));

test.each([
  [
    "lame_duck_duration: 30s, lame_duck_grace_period: 30s",
    "lame_duck_grace_period (30000 ms) must be less than lame_duck_duration (30000 ms)",
  ],
  [
    "lame_duck_grace_period: '3m'",
    "lame_duck_grace_period (180000 ms) must be less than lame_duck_duration (120000 ms)",
  ],
  ["http_port: 1, https_port: 2, tls { timeout: 1 }", "http_port and https_port exclude each other"],
  ["https_port: 1", "https_port needs tls"],
  ["max_payload: 2MB, max_pending: 1MB", "max_payload (2097152) must not be more than max_pending (1048576)"],
  ["max_pending: 1k", "max_payload (1048576) must not be more than max_pending (1000)"],
  ["no_auth_user: a", 'no_auth_user "a" is not a user of authorization or accounts'],
  [
    "authorization { users: [{ user: b }] }, no_auth_user: a",
    'no_auth_user "a" is not a user of authorization or accounts',
  ],
  [
    "websocket { port: 1, no_tls: true, no_auth_user: a }",
    'no_auth_user "a" of websocket is not a user of authorization or accounts',
  ],
  ["system_account: A", 'system_account "A" is not defined'],
  ["default_sentinel: j", "default_sentinel needs operators"],
  ["operator: a, no_auth_user: a", "no_auth_user and operators exclude each other"],
  ["operator: a, accounts { A {} }", "operators and accounts exclude each other"],
  ["operator: a, authorization { users: [{ user: a }] }", "operators and users exclude each other"],
  [
    `operator: a, trusted: ${createNkey("operator").publicKey}`,
    "operators and trusted_keys exclude each other",
  ],
  ["websocket { port: 1 }", "websocket needs tls, or no_tls: true"],
  [
    "websocket { port: 1, no_tls: true, origin: 'ftp://a' }",
    'allowed origin "ftp://a" must be an http or https URL',
  ],
  [
    "websocket { port: 1, no_tls: true, origin: 'http://' }",
    'allowed origin "http://" must be an http or https URL',
  ],
  [
    "websocket { port: 1, no_tls: true, authorization { user: a } }, authorization { users: [{ user: a }] }",
    "a user of websocket and users exclude each other",
  ],
  [
    "websocket { port: 1, no_tls: true, authorization { token: a } }, accounts { A { users: [{ user: a }] } }",
    "a token of websocket and users exclude each other",
  ],
  [
    "websocket { port: 1, no_tls: true, jwt_cookie: c }",
    "jwt_cookie of websocket needs operators or trusted_keys",
  ],
  [
    "websocket { port: 1, no_tls: true, headers { 'Sec-WebSocket-X': b } }",
    'websocket must not set the header "Sec-WebSocket-X"',
  ],
  ["websocket { port: 1, no_tls: true, headers { HOST: b } }", 'websocket must not set the header "HOST"'],
  ["leafnodes { remotes: [{ url: 'nats://a', account: A }] }", 'account "A" of leafnodes is not defined'],
  ["leafnodes { authorization { account: A } }", 'account "A" of leafnodes is not defined'],
  [
    "leafnodes { authorization { users: [{ user: a, account: A }] } }",
    'account "A" of leafnodes is not defined',
  ],
  [
    "no_system_account: true, leafnodes { authorization { account: '$SYS' } }",
    'account "$SYS" of leafnodes is not defined',
  ],
  [
    "operator: a, leafnodes { remotes: [{ url: 'nats://a' }] }",
    'with operators, leafnodes names the key of an account and not "$G"',
  ],
  [
    "operator: a, leafnodes { authorization { users: [{ user: a }] } }",
    "operators and users of leafnodes exclude each other",
  ],
  [
    "leafnodes { remotes: [{ urls: ['nats://a', 'ws://a'] }] }",
    "a remote of leafnodes mixes WebSocket and other URLs",
  ],
  ["leafnodes { compression { rtt_thresholds: [5ms, 1ms] } }", "rtt_thresholds must ascend"],
  [
    "leafnodes { port: 1 }, gateway { name: g, port: 1 }",
    "leafnodes and gateway together need a system_account",
  ],
  [
    "cluster { name: a }, gateway { name: b, port: 1 }",
    'the cluster "a" and the gateway "b" must have the same name',
  ],
  ["cluster { accounts: [A, A] }", "accounts of cluster names an account twice"],
  [
    "cluster { accounts: [A], pool_size: -1 }",
    "pool_size of cluster must not be negative where accounts are given",
  ],
  ["jetstream: true, cluster { name: c, port: 1 }", "JetStream in a cluster needs a server_name"],
  [
    "jetstream: true, server_name: s, cluster { port: 1 }",
    "JetStream in a cluster needs a name of the cluster",
  ],
  [
    "jetstream { extension_hint: x }, server_name: s, cluster { name: c, port: 1 }",
    'extension_hint of jetstream must be "will_extend" or "no_extend"',
  ],
  ["gateway { port: 1 }", "gateway needs a name"],
  ["gateway { name: g }", "gateway needs a port"],
  ["gateway { name: g, port: 1, gateways: [{ name: a }] }", "a gateway of the list needs a name and a url"],
  ["jetstream { domain: a.b }", 'the JetStream domain "a.b" must not have ".", "*", ">" or spaces'],
  ["default_js_domain { A: d }", 'account "A" of default_js_domain is not defined'],
  [
    "accounts { A { jetstream: true } }, default_js_domain { A: d }",
    'account "A" of default_js_domain has JetStream itself',
  ],
  [
    "system: A, accounts { A {} }, default_js_domain { A: d }",
    'the system account "A" cannot have a default_js_domain',
  ],
  ["default_js_domain { $G: 'a b' }", 'default_js_domain "a b" is not a valid domain'],
])("%s: %s", (text, expected) => expect(conflicts(text)).toEqual([expected]));

it("tells all conflicts at once", () => {
  expect(conflicts("max_pending: 1, no_auth_user: a, websocket { port: 1 }")).toHaveLength(3);
});
