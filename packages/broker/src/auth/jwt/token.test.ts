import { encodeAccount, encodeOperator, encodeUser, fmtCreds } from "@nats-io/jwt";
import { nkeys } from "@nats-io/nats-core";
import { describe, expect, it, test } from "vitest";
import { createNkey } from "../nkey.js";
import { decodeAccountClaims } from "./account-claims.js";
import { signClaim, TestOperator } from "./jwt-fixture.js";
import { decodeOperatorClaims } from "./operator-claims.js";
import { decodeClaims, decodeToken, timeFaults, undecorated } from "./token.js";
import { accountKeyOf, decodeUserClaims } from "./user-claims.js";

const operator = new TestOperator();
const account = operator.account({}, { name: "orders" });

describe("against the official library @nats-io/jwt", () => {
  // The library writes version 1 when it is asked for the algorithm of version 1.
  test.each([
    ["ed25519-nkey", 2],
    ["ed25519", 1],
  ])("claims signed by %s are decoded", async (algorithm, version) => {
    const [okp, akp, ukp] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
    const options = { algorithm } as Parameters<typeof encodeUser>[4];
    const anOperator = decodeOperatorClaims(await encodeOperator("O", okp, {}, options));
    expect(anOperator).toMatchObject({ name: "O", subject: okp.getPublicKey(), version });
    const token = await encodeAccount("A", akp, {}, { ...options, signer: okp });
    expect(decodeAccountClaims(token)).toMatchObject({ name: "A", issuer: okp.getPublicKey(), version });
    const user = await encodeUser("U", ukp, akp, { bearer_token: true, subs: 7 }, options);
    expect(decodeUserClaims(user)).toMatchObject({
      name: "U",
      subject: ukp.getPublicKey(),
      issuer: akp.getPublicKey(),
      limits: { isBearer: true, maxSubscriptions: 7 },
    });
  });

  it("finds the JWT in a creds file", async () => {
    const ukp = nkeys.createUser();
    const token = await encodeUser("U", ukp, nkeys.createAccount());
    expect(undecorated(Buffer.from(fmtCreds(token, ukp)).toString())).toBe(token);
    expect(undecorated(`  ${token}\n`)).toBe(token);
  });
});

describe("decodeToken", () => {
  const user = account.user().token;
  const [head = "", body = "", signature = ""] = user.split(".");
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claim = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<string, unknown>;

  it.each<[string, string, string]>([
    ["no parts", "", "it has 1 parts, not 3"],
    ["a fourth part", `${user}.x`, "it has 4 parts, not 3"],
    ["too large", `${"x".repeat(1024 * 1024)}.${body}.${signature}`, "larger than"],
    ["no base64url", `#.${body}.${signature}`, "the header is not base64url"],
    ["a claim that is a list", `${head}.${encode([1])}.${signature}`, "the claim must be an object"],
    [
      "another type",
      `${encode({ typ: "JWE", alg: "ed25519-nkey" })}.${body}.${signature}`,
      'its type is "JWE"',
    ],
    [
      "no algorithm",
      `${encode({ typ: "JWT", alg: "none" })}.${body}.${signature}`,
      'its algorithm is "none"',
    ],
    ["another algorithm", `${encode({ typ: "JWT", alg: "HS256" })}.${body}.${signature}`, '"HS256"'],
    ["a changed claim", `${head}.${encode({ ...claim, name: "root" })}.${signature}`, "signature is wrong"],
    ["a changed signature", `${head}.${body}.${signature.slice(0, -4)}AAAA`, "signature is wrong"],
    ["no signature", `${head}.${body}.`, "signature is wrong"],
    [
      "issuer",
      `${head}.${encode({ ...claim, iss: account.user().key.publicKey })}.${signature}`,
      "signature is wrong",
    ],
    ["a wrong type", `${head}.${encode({ ...claim, iss: 5 })}.${signature}`, "iss must be a string"],
    [
      "a newer version",
      `${head}.${encode({ ...claim, nats: { version: 3 } })}.${signature}`,
      "3 is newer than 2",
    ],
  ])("refuses %s", (_, token, reason) => {
    expect(() => decodeToken(token)).toThrowError(
      expect.objectContaining({ code: "INVALID_JWT", message: expect.stringContaining(reason) as string }),
    );
  });

  it("does not take a signature of version 1, for the claim alone, in a claim of version 2", () => {
    const nats = { type: "user", version: 2 };
    const first = signClaim(account.key, { sub: "x", type: "user", nats }, 1).split(".");
    const second = Buffer.from(JSON.stringify({ sub: "x", iss: account.publicKey, nats })).toString(
      "base64url",
    );
    expect(() => decodeToken(`${head}.${second}.${first[2]}`)).toThrow("signature is wrong");
  });
});

describe("decodeClaims", () => {
  it("refuses another kind, and an issuer that may not sign the kind", () => {
    expect(() => decodeClaims(account.user().token, "account")).toThrow("it is about user, not account");
    const byUser = signClaim(createNkey("user"), { sub: account.publicKey, nats: { type: "account" } });
    expect(() => decodeClaims(byUser, "account")).toThrow("its kind account cannot be signed by U");
    const byOperator = signClaim(operator.key, { sub: "U", nats: { type: "user" } });
    expect(() => decodeClaims(byOperator, "user")).toThrow("its kind user cannot be signed by O");
  });

  it("reads where version 1 has it: kind, tags and issuer_account at the top", () => {
    const signer = createNkey("account");
    const { token } = account.user({ tags: ["a:b"], subs: 5 }, { version: 1, signer, name: "old" });
    const claims = decodeUserClaims(token);
    expect(claims).toMatchObject({ version: 1, tags: ["a:b"], name: "old", issuer: signer.publicKey });
    expect(accountKeyOf(claims)).toBe(account.publicKey);
    expect(claims.limits).toMatchObject({ maxSubscriptions: 5, maxPayloadBytes: -1 });
  });
});

test("timeFaults tells whether a claim holds now", () => {
  const { data } = decodeClaims(account.user({}, { exp: 100, nbf: 50 }).token, "user");
  expect(timeFaults(data, 49_000)).toEqual(["claim is not yet valid"]);
  expect(timeFaults(data, 50_000)).toEqual([]);
  expect(timeFaults(data, 100_999)).toEqual([]);
  expect(timeFaults(data, 101_000)).toEqual(["claim is expired"]);
});
