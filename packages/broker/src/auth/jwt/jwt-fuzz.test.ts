import { isGanglionError } from "@ganglion/kernel";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createNkey } from "../nkey.js";
import { accountFaultsAt } from "./account-claim-faults.js";
import { decodeAccountClaims } from "./account-claims.js";
import { accountConfigOf } from "./account-config.js";
import { decodeActivationClaims } from "./activation-claims.js";
import { signClaim } from "./jwt-fixture.js";
import { linkImports } from "./link-imports.js";
import { decodeOperatorClaims, operatorClaimFaults } from "./operator-claims.js";
import { decodeToken } from "./token.js";
import { decodeUserClaims, userClaimFaults } from "./user-claims.js";

const RUNS = 100;
const account = createNkey("account");
const operator = createNkey("operator");

/** Anything, mostly under names that mean something. */
const { nats } = fc.letrec<{ value: unknown; nats: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(
      null,
      "",
      "a.*",
      ">",
      "a..b",
      "$1",
      "stream",
      "service",
      "user_scope",
      -1,
      0,
      1e18,
      1.5,
      true,
    ),
    fc.string(),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("nats"),
  ),
  nats: fc.dictionary(
    fc.constantFrom(
      ...[
        "imports",
        "exports",
        "limits",
        "signing_keys",
        "revocations",
        "default_permissions",
        "mappings",
        "trace",
      ],
      ...[
        "authorization",
        "tiered_limits",
        "R1",
        "disk_storage",
        "type",
        "subject",
        "account",
        "token",
        "to",
        "*",
      ],
      ...[
        "local_subject",
        "response_type",
        "service_latency",
        "results",
        "sampling",
        "account_token_position",
      ],
      ...[
        "kind",
        "key",
        "template",
        "pub",
        "sub",
        "resp",
        "allow",
        "deny",
        "max",
        "ttl",
        "src",
        "times",
        "start",
      ],
      ...[
        "times_location",
        "subs",
        "payload",
        "bearer_token",
        "allowed_connection_types",
        "constructor",
        "__proto__",
      ],
    ),
    tie("value"),
    { maxKeys: 6 },
  ),
}));

/** Runs `read`, which may only throw what says that the JWT is wrong. */
function survives(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(isGanglionError(error, "INVALID_JWT"), String(error)).toBe(true);
  }
}

const version = fc.constantFrom<1 | 2>(1, 2);

it("whatever a signed claim holds is read, or refused as an invalid JWT", () => {
  fc.assert(
    fc.property(nats, version, (claims, level) => {
      const signed = (kind: string, signer: typeof account, subject: string) =>
        signClaim(
          signer,
          level === 1
            ? { sub: subject, type: kind, nats: claims }
            : { sub: subject, nats: { ...claims, type: kind } },
          level,
        );
      survives(() => userClaimFaults(decodeUserClaims(signed("user", account, "U")), Date.now()));
      survives(() =>
        operatorClaimFaults(decodeOperatorClaims(signed("operator", operator, operator.publicKey))),
      );
      survives(() => decodeActivationClaims(signed("activation", account, account.publicKey)));
      survives(() => {
        const decoded = decodeAccountClaims(signed("account", operator, account.publicKey));
        accountFaultsAt(decoded, Date.now());
        const { imports } = linkImports(decoded, () => decoded, Date.now());
        accountConfigOf(decoded, imports);
      });
    }),
    { numRuns: RUNS },
  );
});

it("whatever is no JWT is refused as an invalid JWT", () => {
  const part = fc.oneof(
    fc.base64String(),
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), fc.string(), (parts, text) => {
      expect(() => decodeToken(parts.join("."))).toThrow(expect.objectContaining({ code: "INVALID_JWT" }));
      expect(() => decodeToken(text)).toThrow(expect.objectContaining({ code: "INVALID_JWT" }));
    }),
    { numRuns: RUNS },
  );
});
