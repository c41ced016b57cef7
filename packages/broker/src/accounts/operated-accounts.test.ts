import { silentLogger, VirtualClock } from "@ganglion/kernel";
import { describe, expect, it } from "vitest";
import { type TestAccount, TestOperator } from "../auth/jwt/jwt-fixture.js";
import { decodeOperatorClaims } from "../auth/jwt/operator-claims.js";
import { operatorTrust } from "../auth/jwt/trust.js";
import type { AccountConfig } from "../config/blocks/accounts.js";
import { OperatedAccounts } from "./operated-accounts.js";
import { MemoryResolver } from "./resolvers/memory-resolver.js";

const NOW_S = 1_800_000_000;
const operator = new TestOperator();

/** Accounts with a resolver that has `known`; what they do is recorded. */
async function start(...known: TestAccount[]) {
  const clock = new VirtualClock(NOW_S * 1000);
  const configured: AccountConfig[] = [];
  const reviewed: { readonly key: string; readonly isExpired: boolean }[] = [];
  const asked: string[] = [];
  const resolver = new (class extends MemoryResolver {
    override fetch(key: string) {
      asked.push(key);
      return super.fetch(key);
    }
  })();
  for (const account of known) await resolver.store(account.publicKey, account.token);
  const accounts = new OperatedAccounts({
    trust: operatorTrust([decodeOperatorClaims(operator.token())]),
    resolver,
    clock,
    logger: silentLogger,
    effects: {
      configure: (config) => void configured.push(config),
      review: ({ claims, isExpired }) => void reviewed.push({ key: claims.subject, isExpired }),
    },
  });
  const importsOf = ({ publicKey }: TestAccount) =>
    configured.findLast(({ name }) => name === publicKey)?.imports.map(({ subject }) => subject);
  return { accounts, resolver, clock, configured, reviewed, asked, importsOf };
}

const stream = (subject: string) => ({ subject, type: "stream" });
const importOf = ({ publicKey }: TestAccount, subject: string) => ({
  ...stream(subject),
  account: publicKey,
});

describe("OperatedAccounts", () => {
  it("fetches and configures an account once, however many ask", async () => {
    const account = operator.account({}, { name: "one" });
    const { accounts, asked, configured } = await start(account);
    const found = await Promise.all([1, 2, 3].map(() => accounts.lookup(account.publicKey)));
    expect(found).toMatchObject(Array(3).fill({ name: "one" }));
    await accounts.lookup(account.publicKey);
    expect(asked).toEqual([account.publicKey]);
    expect(configured.map(({ name }) => name)).toEqual([account.publicKey]);
  });

  it("says why an account cannot be used", async () => {
    const stranger = new TestOperator().account();
    const wrong = operator.account();
    const invalid = operator.account({ exports: [stream("a..b")] });
    const old = operator.account({}, { exp: NOW_S - 1 });
    const { accounts, resolver } = await start(stranger, invalid, old);
    await resolver.store(wrong.publicKey, invalid.token);
    const faultOf = ({ publicKey }: TestAccount) => accounts.lookup(publicKey);
    expect(await faultOf(stranger)).toEqual({ fault: "account JWT not signed by trusted operator" });
    expect(await faultOf(wrong)).toEqual({ fault: "subject does not match jwt content" });
    expect(await faultOf(invalid)).toEqual({ fault: expect.stringContaining("account JWT not valid") });
    expect(await faultOf(old)).toEqual({ fault: expect.stringContaining("claim is expired") });
    expect(await faultOf(operator.account())).toEqual({ fault: expect.stringContaining("is not known") });
    expect(await accounts.lookup("nobody")).toEqual({ fault: expect.stringContaining("not the public key") });
  });

  it("links imports whatever is fetched first, and in a circle", async () => {
    const [one, two] = [operator.account(), operator.account()];
    const exports = [stream("s.*")];
    const token = (own: TestAccount, from: TestAccount) =>
      own.signed({ exports, imports: [importOf(from, "s.x")] });
    const { accounts, resolver, importsOf } = await start();
    await resolver.store(one.publicKey, token(one, two));
    await resolver.store(two.publicKey, token(two, one));
    await Promise.all([accounts.lookup(one.publicKey), accounts.lookup(two.publicKey)]);
    expect([importsOf(one), importsOf(two)]).toEqual([["s.x"], ["s.x"]]);
  });

  it("links again when the exporting account comes, changes, or its activation token expires", async () => {
    const exporter = operator.account();
    const importer = operator.account();
    const exp = NOW_S + 10;
    const token = exporter.activation(
      { subject: "s.>", kind: "stream" },
      { importer: importer.publicKey, exp },
    );
    const { accounts, resolver, clock, importsOf } = await start();
    const imports = [{ ...importOf(exporter, "s.x"), token }];
    await resolver.store(importer.publicKey, importer.signed({ imports }));
    await accounts.lookup(importer.publicKey);
    expect(importsOf(importer)).toEqual([]);
    const exports = [{ ...stream("s.>"), token_req: true }];
    await resolver.store(exporter.publicKey, exporter.signed({ exports }));
    await accounts.lookup(exporter.publicKey);
    expect(importsOf(importer)).toEqual(["s.x"]);
    const revoked = exporter.signed({ exports: [{ ...exports[0], revocations: { "*": 9e9 } }] });
    expect(await accounts.update(exporter.publicKey, revoked)).toBeUndefined();
    expect(importsOf(importer)).toEqual([]);
    await accounts.update(exporter.publicKey, exporter.signed({ exports }));
    expect(importsOf(importer)).toEqual(["s.x"]);
    clock.advance(10_000);
    expect(importsOf(importer)).toEqual([]);
  });

  it("has connections reviewed when an account changes, expires or is removed", async () => {
    const account = operator.account({}, { exp: NOW_S + 5 });
    const { accounts, reviewed, clock, resolver } = await start(account);
    const key = account.publicKey;
    await accounts.lookup(key);
    expect(reviewed).toEqual([]);
    clock.advance(5_000);
    expect(reviewed).toEqual([{ key, isExpired: true }]);
    expect(await accounts.lookup(key)).toEqual({ fault: `account ${key} is expired` });
    const renewed = account.signed({}, { exp: NOW_S + 100 });
    await resolver.store(key, renewed);
    expect(await accounts.lookup(key)).toMatchObject({ expiresAtS: NOW_S + 100 });
    expect(reviewed.at(-1)).toEqual({ key, isExpired: false });
    accounts.remove(key);
    expect(reviewed.at(-1)).toEqual({ key, isExpired: true });
  });

  it("keeps what it has when an update cannot be used", async () => {
    const account = operator.account({}, { name: "kept" });
    const { accounts, configured } = await start(account);
    await accounts.lookup(account.publicKey);
    const foreign = account.signed({}, {}, new TestOperator().key);
    expect(await accounts.update(account.publicKey, foreign)).toBe(
      "account JWT not signed by trusted operator",
    );
    expect(await accounts.update(account.publicKey, "nonsense")).toContain("Invalid JWT");
    expect(await accounts.update(account.publicKey, account.token)).toBeUndefined();
    expect(accounts.get(account.publicKey)?.claims.name).toBe("kept");
    expect(configured).toHaveLength(1);
  });

  it("leaves no timer behind when it is closed", async () => {
    const account = operator.account({}, { exp: NOW_S + 5 });
    const { accounts, clock } = await start(account);
    await accounts.lookup(account.publicKey);
    accounts.close();
    expect(clock.timerCount).toBe(0);
  });
});
