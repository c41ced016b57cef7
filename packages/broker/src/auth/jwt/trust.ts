import type { OperatorClaims } from "./operator-claims.js";

/** Whom a broker in operator mode trusts. */
export interface OperatorTrust {
  /** Keys that may sign accounts. */
  readonly keys: ReadonlySet<string>;
  /** Those of them whose accounts must sign users with signing keys. */
  readonly strictKeys: ReadonlySet<string>;
  /** Public key of the first operator; undefined where only keys are trusted. */
  readonly operator: string | undefined;
  /** The first operator's own key must not sign accounts. */
  readonly isStrict: boolean;
  /** Keys that may delete accounts: those of the first operator. */
  readonly operatorKeys: ReadonlySet<string>;
}

/**
 * Source: nats-server jwt.go `validateTrustedOperators`, server.go `processTrustedKeys`, accounts.go `getOperatorKeys`.
 *
 * @param trustedKeys - public keys that are trusted without an operator JWT.
 */
export function operatorTrust(
  operators: readonly OperatorClaims[],
  trustedKeys: readonly string[] = [],
): OperatorTrust {
  const [first] = operators;
  const strict = operators.filter((operator) => operator.strictSigningKeyUsage);
  return {
    keys: new Set([...trustedKeys, ...operators.flatMap(signersOf)]),
    strictKeys: new Set(strict.flatMap(({ signingKeys }) => signingKeys)),
    operator: first?.subject,
    isStrict: first?.strictSigningKeyUsage ?? false,
    operatorKeys: new Set(first === undefined ? [] : signersOf(first)),
  };
}

function signersOf({ subject, signingKeys, strictSigningKeyUsage }: OperatorClaims): readonly string[] {
  return strictSigningKeyUsage ? signingKeys : [subject, ...signingKeys];
}
