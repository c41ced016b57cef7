import { VirtualClock } from "@ganglion/kernel";
import { DEFAULT_CONNECT_OPTIONS } from "@ganglion/protocol";
import { describe, expect, it } from "vitest";
import type { AuthContext } from "../async-authenticator.js";
import { createNkey, signWithNkeySeed } from "../nkey.js";
import { decodeAccountClaims } from "./account-claims.js";
import { JwtAuthenticator, type JwtAuthenticatorOptions } from "./jwt-authenticator.js";
import { type TestAccount, TestOperator, type TestUser } from "./jwt-fixture.js";
import { decodeOperatorClaims } from "./operator-claims.js";
import { operatorTrust } from "./trust.js";

const NOW_S = 1_800_000_000;
const nonce = Buffer.from("AbCdEf0123456789");
const operator = new TestOperator();

function login(user: TestUser, account: TestAccount, options: Partial<JwtAuthenticatorOptions> = {}) {
  return enter(user, { account, token: account.token, options });
}

interface Login {
  readonly account: TestAccount;
  readonly token?: string;
  readonly options?: Partial<JwtAuthenticatorOptions>;
  readonly context?: Partial<AuthContext>;
  readonly connect?: { readonly jwt?: string; readonly sig?: string };
}

async function enter(user: TestUser, { account, token = account.token, options, context, connect }: Login) {
  const authenticator = new JwtAuthenticator({
    trust: operatorTrust([decodeOperatorClaims(operator.token())]),
    accounts: {
      lookup: async (key) =>
        key === account.publicKey ? decodeAccountClaims(token) : { fault: "no such account" },
    },
    clock: new VirtualClock(NOW_S * 1000),
    ...options,
  });
  const sig = signWithNkeySeed(user.key.seed, nonce)?.toString("base64url") ?? "";
  const outcome = await authenticator.authenticate(
    { ...DEFAULT_CONNECT_OPTIONS, jwt: user.token, sig, ...connect },
    { nonce, connectionType: "STANDARD", host: "127.0.0.1", ...context },
  );
  return outcome.accepted ? outcome : outcome.reason;
}

describe("JwtAuthenticator lets in", () => {
  it("a user of an account, with its permissions", async () => {
    const account = operator.account();
    const user = account.user({ pub: { allow: ["a"] }, sub: { deny: ["b"] } }, { name: "ann" });
    expect(await login(user, account)).toMatchObject({
      accepted: true,
      userName: user.key.publicKey,
      accountName: account.publicKey,
      permissions: { publish: { allow: ["a"] }, subscribe: { deny: ["b"] } },
      jwt: { token: user.token, claims: { name: "ann" }, usesDefaultPermissions: false },
    });
  });

  it("a user without permissions, with the defaults of the account or without any", async () => {
    const account = operator.account({ default_permissions: { pub: { deny: ["x"] } } });
    expect(await login(account.user(), account)).toMatchObject({
      permissions: { publish: { deny: ["x"] } },
      jwt: { usesDefaultPermissions: true },
    });
    const free = operator.account();
    expect(await login(free.user(), free)).not.toHaveProperty("permissions");
  });

  it("a user of version 1", async () => {
    const account = operator.account({}, { version: 1 });
    expect(await login(account.user({}, { version: 1 }), account)).toMatchObject({ accepted: true });
  });

  it("a bearer without a signature", async () => {
    const account = operator.account();
    const user = account.user({ bearer_token: true });
    expect(await enter(user, { account, connect: { sig: "" } })).toMatchObject({ accepted: true });
  });

  it("who brings no JWT, by the sentinel", async () => {
    const account = operator.account();
    const sentinel = account.user({ bearer_token: true });
    const options = { defaultSentinel: sentinel.token };
    expect(await enter(account.user(), { account, options, connect: { jwt: "", sig: "" } })).toMatchObject({
      userName: sentinel.key.publicKey,
    });
  });

  it("until the JWT expires, or the time of day is over", async () => {
    const account = operator.account();
    const midnight = NOW_S - (NOW_S % 86_400);
    const exp = NOW_S + 5;
    expect(await login(account.user({}, { exp }), account)).toMatchObject({ expiresAtMs: exp * 1000 });
    const times = [{ start: "00:00:00", end: "23:59:59" }];
    expect(await login(account.user({ times, times_location: "UTC" }), account)).toMatchObject({
      expiresAtMs: (midnight + 86_399) * 1000,
    });
  });
});

describe("JwtAuthenticator with signing keys", () => {
  const signer = createNkey("account");
  const scopeOf = (template: Record<string, unknown>) => ({
    kind: "user_scope",
    key: signer.publicKey,
    template,
  });

  it("lets in users that a plain signing key has signed", async () => {
    const account = operator.account({ signing_keys: [signer.publicKey] });
    const user = account.user({ pub: { allow: ["a"] } }, { signer });
    expect(await login(user, account)).toMatchObject({ permissions: { publish: { allow: ["a"] } } });
  });

  it("gives users of a scoped key its permissions, with templates filled in", async () => {
    const template = { pub: { allow: ["in.{{name()}}"] }, sub: { allow: ["_INBOX.{{tag(team)}}.>"] } };
    const account = operator.account({ signing_keys: [scopeOf(template)] });
    const user = account.user({ tags: ["team:blue"] }, { signer, name: "ann" });
    expect(await login(user, account)).toMatchObject({
      permissions: { publish: { allow: ["in.ann"] }, subscribe: { allow: ["_INBOX.blue.>"] } },
    });
  });

  it("refuses users of a scoped key that bring permissions, or whose templates cannot be filled", async () => {
    const account = operator.account({ signing_keys: [scopeOf({ pub: { deny: ["{{tag(team)}}"] } })] });
    const own = account.user({ pub: { allow: [">"] } }, { signer });
    expect(await login(own, account)).toBe("scoped users require no permissions or limits set");
    expect(await login(account.user({}, { signer }), account)).toBe("user JWT generated invalid permissions");
  });

  it("refuses a key the account does not have", async () => {
    const account = operator.account();
    expect(await login(account.user({}, { signer }), account)).toBe("user JWT issuer is not known");
  });

  it("refuses the account's own key where the operator wants signing keys", async () => {
    const operatorSigner = createNkey("operator");
    const strict = operator.token({
      signing_keys: [operatorSigner.publicKey],
      strict_signing_key_usage: true,
    });
    const trust = operatorTrust([decodeOperatorClaims(strict)]);
    expect([...trust.keys]).toEqual([operatorSigner.publicKey]);
    const account = operator.account();
    const token = account.signed({ signing_keys: [signer.publicKey] }, {}, operatorSigner);
    const options = { trust };
    expect(await enter(account.user(), { account, token, options })).toBe("user JWT issuer is not known");
    expect(await enter(account.user({}, { signer }), { account, token, options })).toMatchObject({
      accepted: true,
    });
  });
});

describe("JwtAuthenticator refuses", () => {
  const account = operator.account();

  it.each<[string, (user: TestUser) => Omit<Login, "account">, string | RegExp]>([
    ["no JWT", () => ({ connect: { jwt: "" } }), "authentication requires a user JWT"],
    ["no JWT at all", () => ({ connect: { jwt: "abc" } }), /^user JWT not valid: .*it has 1 parts/],
    ["the JWT of an account", () => ({ connect: { jwt: account.token } }), /it is about account, not user/],
    ["no signature", () => ({ connect: { sig: "" } }), "signature missing"],
    ["another's signature", () => ({ connect: { sig: "A".repeat(86) } }), "signature not verified"],
    ["an old nonce", () => ({ context: { nonce: Buffer.from("another") } }), "signature not verified"],
    [
      "an account that is not pinned",
      () => ({ options: { pinnedAccounts: new Set([]) } }),
      /resolver_pinned/,
    ],
    [
      "a revoked user",
      ({ key }) => ({ token: account.signed({ revocations: { [key.publicKey]: 9e9 } }) }),
      /revoked/,
    ],
    [
      "every user",
      () => ({ token: account.signed({ revocations: { "*": 9e9 } }) }),
      "user authentication revoked",
    ],
    [
      "who must be asked about elsewhere",
      () => ({ token: account.signed({ authorization: { auth_users: [createNkey("user").publicKey] } }) }),
      /asks a service about its users/,
    ],
  ])("%s", async (_, change, reason) => {
    const user = account.user();
    expect(await enter(user, { account, ...change(user) })).toMatch(reason);
  });

  it.each<[string, Record<string, unknown>, { exp?: number; nbf?: number }, string | RegExp]>([
    ["an expired JWT", {}, { exp: NOW_S - 1 }, "user JWT no longer valid: claim is expired"],
    ["an early JWT", {}, { nbf: NOW_S + 1 }, "user JWT no longer valid: claim is not yet valid"],
    ["another network", { src: ["10.0.0.0/8"] }, {}, "bad source address 127.0.0.1"],
    ["a network that is none", { src: "here" }, {}, /invalid cidr "here"/],
    [
      "another time of day",
      { times: [{ start: "00:00:00", end: "00:00:01" }], times_location: "UTC" },
      {},
      "outside connect times",
    ],
    [
      "another type of connection",
      { allowed_connection_types: ["WEBSOCKET"] },
      {},
      /STANDARD is not allowed/,
    ],
    ["types that are not known", { allowed_connection_types: ["PIGEON"] }, {}, /STANDARD is not allowed/],
    ["who needs a proxy", { proxy_required: true }, {}, "the user must come through a trusted proxy"],
  ])("%s", async (...[, nats, times, reason]) => {
    expect(await login(account.user(nats, times), account)).toMatch(reason);
  });

  it("a bearer where the account does not want any", async () => {
    const strict = operator.account({ limits: { disallow_bearer: true } });
    const user = strict.user({ bearer_token: true });
    expect(await login(user, strict)).toBe("account does not allow bearer tokens");
  });

  it("a user of an account that cannot be found", async () => {
    const stranger = operator.account();
    expect(await login(stranger.user(), account)).toBe("no such account");
  });

  it("a revocation counts for JWTs that were issued before it only", async () => {
    const user = account.user({}, { iat: 1000 });
    const revoked = (at: number) => account.signed({ revocations: { [user.key.publicKey]: at } });
    expect(await enter(user, { account, token: revoked(1000) })).toBe("user authentication revoked");
    expect(await enter(user, { account, token: revoked(999) })).toMatchObject({ accepted: true });
  });
});
