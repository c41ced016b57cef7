import { expect, it } from "vitest";
import { decodeAccountClaims } from "../auth/jwt/account-claims.js";
import { TestOperator } from "../auth/jwt/jwt-fixture.js";
import { decodeOperatorClaims } from "../auth/jwt/operator-claims.js";
import { operatorTrust } from "../auth/jwt/trust.js";
import { decodeUserClaims } from "../auth/jwt/user-claims.js";
import { createNkey } from "../auth/nkey.js";
import { evictionOf } from "./operated-account.js";

const operator = new TestOperator();
const trust = operatorTrust([decodeOperatorClaims(operator.token())]);
const account = operator.account();
const signer = createNkey("account");

function evicted(
  user: Parameters<typeof account.user>,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
) {
  const { token } = account.user(...user);
  const claims = decodeUserClaims(token);
  const jwt = { token, claims, limits: claims.limits, usesDefaultPermissions: true };
  const decode = (nats: Record<string, unknown>) => decodeAccountClaims(account.signed(nats));
  const changed = { claims: decode(after), token: "", isExpired: after.isExpired === true };
  return evictionOf(jwt, changed, { before: decode(before), trust });
}

it("lets users stay whom the change does not touch", () => {
  expect(evicted([], {}, { default_permissions: { pub: { deny: ["x"] } } })).toBeUndefined();
  const keys = { signing_keys: [signer.publicKey] };
  expect(evicted([{}, { signer }], keys, { ...keys, exports: [] })).toBeUndefined();
  expect(evicted([{}, { iat: 1000 }], {}, { revocations: { "*": 999 } })).toBeUndefined();
});

it("ends the connections of users who may not stay", () => {
  expect(evicted([], {}, { isExpired: true })).toBe("account-expired");
  expect(evicted([{}, { iat: 1000 }], {}, { revocations: { "*": 1000 } })).toBe("revoked");
  expect(evicted([{ bearer_token: true }], {}, { limits: { disallow_bearer: true } })).toBe(
    "bearer-not-allowed",
  );
  expect(evicted([{}, { signer }], { signing_keys: [signer.publicKey] }, {})).toBe("signer-changed");
  const scope = (allow: string) => ({
    signing_keys: [{ kind: "user_scope", key: signer.publicKey, template: { pub: { allow: [allow] } } }],
  });
  expect(evicted([{}, { signer }], scope("a"), scope("b"))).toBe("signer-changed");
  expect(evicted([{}, { signer }], scope("a"), scope("a"))).toBeUndefined();
});
