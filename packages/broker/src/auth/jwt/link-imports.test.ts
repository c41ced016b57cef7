import { describe, expect, it } from "vitest";
import { createNkey } from "../nkey.js";
import { decodeAccountClaims } from "./account-claims.js";
import { signClaim, type TestAccount, TestOperator } from "./jwt-fixture.js";
import { linkImports } from "./link-imports.js";

const operator = new TestOperator();
const NOW_MS = 1_000_000_000_000;
const importer = operator.account();
const signer = createNkey("account");

/** Links one import of `importer` to what an account exports. */
function link(exporter: TestAccount, given: Record<string, unknown>, exportClaim: Record<string, unknown>) {
  const one = { account: exporter.publicKey, type: exportClaim.type, ...given };
  const claims = decodeAccountClaims(importer.signed({ imports: [one] }));
  const exports = decodeAccountClaims(
    exporter.signed({ exports: [exportClaim], signing_keys: [signer.publicKey] }),
  );
  return linkImports(claims, (key) => (key === exporter.publicKey ? exports : undefined), NOW_MS);
}

const exporter = operator.account();
const account = exporter.publicKey;

describe("linkImports", () => {
  it("takes what is exported to everybody, under the name that the import gives it", () => {
    expect(link(exporter, { subject: "s.a" }, { type: "stream", subject: "s.*" }).imports).toEqual([
      { kind: "stream", account, subject: "s.a" },
    ]);
    const stream = { type: "stream", subject: "s.*" };
    expect(link(exporter, { subject: "s.*", local_subject: "mine.$1" }, stream).imports).toEqual([
      { kind: "stream", account, subject: "s.*", to: "mine.$1" },
    ]);
    expect(link(exporter, { subject: "s.*", to: "front" }, stream).imports).toEqual([
      { kind: "stream", account, subject: "s.*", prefix: "front" },
    ]);
    const service = { type: "service", subject: "q" };
    expect(link(exporter, { subject: "q", local_subject: "mine", share: true }, service).imports).toEqual([
      { kind: "service", account, subject: "q", to: "mine", share: true },
    ]);
    expect(link(exporter, { subject: "mine", to: "q" }, service).imports).toEqual([
      { kind: "service", account, subject: "q", to: "mine", share: false },
    ]);
  });

  it("leaves out what is not exported, of another kind, or of an unknown account", () => {
    const service = { type: "service", subject: "q" };
    expect(link(exporter, { subject: "q2" }, service).faults[0]).toContain("it is not exported");
    expect(link(exporter, { subject: "q", type: "stream" }, service)).toMatchObject({ imports: [] });
    const stranger = { account: operator.account().publicKey, subject: "q" };
    expect(link(exporter, stranger, service).faults[0]).toContain("the account is not known");
  });

  it("takes an export with a position for accounts only under its own key", () => {
    const service = { type: "service", subject: "q.*", account_token_position: 2 };
    expect(link(exporter, { subject: `q.${importer.publicKey}` }, service).imports).toHaveLength(1);
    expect(link(exporter, { subject: `q.${account}` }, service).faults[0]).toContain("must be the key");
    expect(link(exporter, { subject: "q.*" }, service).imports).toEqual([]);
  });
});

describe("linkImports with activation tokens", () => {
  const stream = { type: "stream", subject: "s.>", token_req: true };
  const activation = { subject: "s.>", kind: "stream" };
  const withToken = (token: string, subject = "s.a", more = {}) =>
    link(exporter, { subject, token }, { ...stream, ...more });
  const importerKey = { importer: importer.publicKey };

  it("takes a token of the exporter, until it expires", () => {
    const token = exporter.activation(activation, importerKey);
    expect(withToken(token)).toMatchObject({
      faults: [],
      validUntilMs: Number.POSITIVE_INFINITY,
      imports: [{ subject: "s.a" }],
    });
    const exp = NOW_MS / 1000 + 60;
    expect(withToken(exporter.activation(activation, { ...importerKey, exp })).validUntilMs).toBe(exp * 1000);
    const first = exporter.activation({ subject: "s.>", type: "stream" }, { ...importerKey });
    expect(withToken(first).imports).toEqual([]);
  });

  it("takes a token that a signing key of the exporter has signed, and no other key", () => {
    const nats = { ...activation, type: "activation", issuer_account: account };
    const by = (key: typeof signer) => signClaim(key, { sub: importer.publicKey, nats });
    expect(withToken(by(signer)).imports).toHaveLength(1);
    expect(withToken(by(createNkey("account"))).faults[0]).toContain("signed by an unknown key");
    expect(withToken(operator.account().activation(activation, importerKey)).faults[0]).toContain(
      "doesn't match",
    );
  });

  it("refuses no token, an expired or revoked one, one for others or for other subjects", () => {
    const faultOf = (token: string, more = {}) => withToken(token, "s.a", more).faults[0];
    expect(faultOf("")).toContain("needs an activation token");
    const exp = NOW_MS / 1000;
    expect(faultOf(exporter.activation(activation, { ...importerKey, exp }))).toContain("expired");
    const iat = 1000;
    const old = exporter.activation(activation, { ...importerKey, iat });
    expect(faultOf(old, { revocations: { [importer.publicKey]: iat } })).toContain("revoked");
    expect(faultOf(old, { revocations: { "*": iat } })).toContain("revoked");
    expect(withToken(old, "s.a", { revocations: { "*": iat - 1 } }).imports).toHaveLength(1);
    expect(faultOf(exporter.activation(activation, { importer: account }))).toContain("for another account");
    expect(faultOf(exporter.activation({ ...activation, subject: "s.b" }, importerKey))).toContain(
      "doesn't match",
    );
    expect(faultOf(exporter.activation({ ...activation, kind: "service" }, importerKey))).toContain(
      "for a service",
    );
  });
});
