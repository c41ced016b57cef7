import { describe, expect, it } from "vitest";
import { createNkey } from "../nkey.js";
import { accountClaimFaults } from "./account-claim-faults.js";
import { decodeAccountClaims } from "./account-claims.js";
import { accountConfigOf } from "./account-config.js";
import { TestOperator, UNLIMITED_ACCOUNT } from "./jwt-fixture.js";

const operator = new TestOperator();
const other = operator.account();
const decode = (nats: Record<string, unknown>, version: 1 | 2 = 2) =>
  decodeAccountClaims(operator.account(nats, { version, name: "acc" }).token);
const faultsOf = (nats: Record<string, unknown>) => accountClaimFaults(decode(nats));

describe("decodeAccountClaims", () => {
  it("reads signing keys, with and without a scope", () => {
    const [plain, scoped] = [createNkey("account").publicKey, createNkey("account").publicKey];
    const template = { pub: { allow: ["a.>"] }, subs: 3 };
    const scope = { kind: "user_scope", key: scoped, role: "reader", template };
    const { signingKeys } = decode({ signing_keys: [plain, scope] });
    expect([...signingKeys.keys()]).toEqual([plain, scoped]);
    expect(signingKeys.get(plain)).toBeUndefined();
    expect(signingKeys.get(scoped)).toMatchObject({
      role: "reader",
      template: { permissions: { publish: { allow: ["a.>"] } }, maxSubscriptions: 3, maxPayloadBytes: -1 },
    });
    expect(() => decode({ signing_keys: [{ kind: "other", key: scoped }] })).toThrow('unknown scope "other"');
  });

  it("says where a value has the wrong type", () => {
    expect(() => decode({ limits: { conn: "many" } })).toThrow("nats.limits.conn must be an integer");
    expect(() => decode({ exports: [{ subject: 1, type: "stream" }] })).toThrow(
      "nats.exports[0].subject must be a string",
    );
    expect(() => decode({ imports: [{ type: "both" }] })).toThrow('unknown type "both"');
    expect(() => decode({ revocations: { "*": true } })).toThrow("nats.revocations.* must be an integer");
  });

  it("turns JetStream on when it may store something, with or without tiers", () => {
    expect(decode({}).jetStream.size).toBe(0);
    const limits = { ...UNLIMITED_ACCOUNT, mem_storage: 0, disk_storage: 1024, streams: 2, consumer: -1 };
    expect(decode({ limits }).jetStream.get("")).toMatchObject({
      maxStoreBytes: 1024,
      maxStreams: 2,
      maxConsumers: -1,
      maxAckPending: -1,
    });
    const tiers = { R1: { mem_storage: -1, disk_storage: -1, streams: 7 } };
    expect(
      decode({ limits: { ...UNLIMITED_ACCOUNT, tiered_limits: tiers } }).jetStream.get("R1"),
    ).toMatchObject({
      maxStreams: 7,
    });
    expect(decode({ limits }, 1).jetStream.size).toBe(0);
  });
});

describe("accountConfigOf", () => {
  it("gives the account the form of the configuration file", () => {
    const claims = decode({
      limits: { ...UNLIMITED_ACCOUNT, conn: 5, subs: 6, payload: 7, leaf: 0 },
      exports: [
        { subject: "s.*", type: "stream", account_token_position: 2 },
        {
          subject: "q",
          type: "service",
          response_type: "Chunked",
          response_threshold: 3_000_000_000,
          service_latency: { sampling: "headers", results: "lat" },
        },
      ],
      mappings: {
        a: [
          { subject: "b", weight: 40 },
          { subject: "c", weight: 60 },
        ],
        d: [{ subject: "e" }],
      },
      default_permissions: { pub: { deny: ["x"] }, resp: { max: 0, ttl: 0 } },
    });
    expect(accountConfigOf(claims, [])).toEqual({
      name: claims.subject,
      nkey: claims.subject,
      users: [],
      imports: [],
      exports: [
        { kind: "stream", subject: "s.*", accountTokenPosition: 2 },
        {
          kind: "service",
          subject: "q",
          responseType: "chunked",
          responseThresholdMs: 3000,
          latency: { subject: "lat", sampling: "headers" },
        },
      ],
      mappings: [
        {
          source: "a",
          destinations: [
            { subject: "b", weight: 40 },
            { subject: "c", weight: 60 },
          ],
        },
        { source: "d", destinations: [{ subject: "e", weight: 100 }] },
      ],
      limits: { maxConnections: 5, maxSubscriptions: 6, maxPayloadBytes: 7, maxLeafNodes: 0 },
      jetstream: false,
      defaultPermissions: { publish: { deny: ["x"] }, responses: { max: 1, expiresMs: 120_000 } },
    });
  });
});

describe("accountClaimFaults", () => {
  const service = (subject: string, more = {}) => ({ type: "service", subject, ...more });
  const stream = (subject: string, more = {}) => ({ type: "stream", subject, ...more });
  const from = { account: other.publicKey };

  it("finds none in what holds", () => {
    expect(
      faultsOf({
        exports: [service("q.*", { account_token_position: 2 }), stream("s.>")],
        imports: [
          service("q", { ...from, local_subject: "mine" }),
          stream("a.*.b.*", { ...from, local_subject: "x.$2.$1" }),
        ],
        mappings: { a: [{ subject: "b", weight: 100 }] },
      }),
    ).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["an import from nowhere", { imports: [service("q")] }, "account to import from is not specified"],
    ["a double rename", { imports: [service("q", { ...from, to: "a", local_subject: "b" })] }, "replaces to"],
    [
      "a rename without a wildcard",
      { imports: [stream("a.*", { ...from, local_subject: "b" })] },
      "every wildcard",
    ],
    [
      "a rename of nothing",
      { imports: [stream("a.*", { ...from, local_subject: "b.$2" })] },
      "does not have",
    ],
    [
      "a rename that ends",
      { imports: [stream("a.>", { ...from, local_subject: "b.c" })] },
      'must both end in ">"',
    ],
    [
      "services on top of each other",
      { imports: [service("q.>", from), service("q.a", from)] },
      "overlapping",
    ],
    ["a shared stream", { imports: [stream("a", { ...from, share: true })] }, "for a service only"],
    ["a bad token", { imports: [stream("a", { ...from, token: "x" })] }, "invalid activation token"],
    ["an export of an export", { exports: [stream("a.>"), stream("a.b")] }, 'already exports "a.b"'],
    ["a stream that answers", { exports: [stream("a", { response_type: "Stream" })] }, "has a response type"],
    ["a wrong position", { exports: [service("a.*", { account_token_position: 1 })] }, 'is no "*"'],
    ["a subject with a hole", { exports: [stream("a..b")] }, "has an empty token"],
    [
      "too many exports",
      { limits: { ...UNLIMITED_ACCOUNT, exports: 0 }, exports: [stream("a")] },
      "more exports",
    ],
    [
      "too many imports",
      { limits: { ...UNLIMITED_ACCOUNT, imports: 0 }, imports: [stream("a", from)] },
      "more imports",
    ],
    [
      "wildcards that are not allowed",
      { limits: { ...UNLIMITED_ACCOUNT, exports: 3, wildcards: false }, exports: [stream("a.*")] },
      "wildcard exports",
    ],
    [
      "weights",
      {
        mappings: {
          a: [
            { subject: "b", weight: 60 },
            { subject: "c", weight: 60 },
          ],
        },
      },
      "100 percent",
    ],
    [
      "a signing key of a user",
      { signing_keys: [createNkey("user").publicKey] },
      "not a valid account signing key",
    ],
    ["cluster traffic", { cluster_traffic: "elsewhere" }, "unknown cluster traffic"],
    ["a permission with spaces", { default_permissions: { pub: { allow: ["a b"] } } }, "too many spaces"],
    ["a trace to many", { trace: { dest: "a.*" } }, "not a subject to publish to"],
    ["an auth user", { authorization: { auth_users: ["me"] } }, 'auth user "me"'],
  ])("finds %s", (_, nats, fault) => {
    expect(faultsOf(nats)).toContainEqual(expect.stringContaining(fault));
  });
});
