import { createNkey, signWithNkeySeed } from "../nkey.js";

/** A pair of keys of a test. */
export interface TestKey {
  readonly seed: string;
  readonly publicKey: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Parts of a claim that are not in `nats`: `exp`, `iat`, `name` … */
interface ClaimOptions {
  readonly name?: string;
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  /** @default 2 */
  readonly version?: 1 | 2;
}

/** Signs a claim as nsc does, of version 1 or 2. */
export function signClaim(
  signer: TestKey,
  claim: Json & { readonly sub: string; readonly nats?: Json },
  version: 1 | 2 = 2,
): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const iat = Math.floor(Date.now() / 1000);
  const head = encode({ typ: "JWT", alg: version === 1 ? "ed25519" : "ed25519-nkey" });
  const nats = version === 1 ? claim.nats : { ...claim.nats, version };
  const body = encode({ jti: crypto.randomUUID(), iat, iss: signer.publicKey, ...claim, nats });
  const signature = signWithNkeySeed(signer.seed, Buffer.from(version === 1 ? body : `${head}.${body}`));
  return `${head}.${body}.${signature?.toString("base64url")}`;
}

const NO_LIMITS = { subs: -1, data: -1, payload: -1 };

/** Limits of an account that limit nothing; JetStream is off. */
export const UNLIMITED_ACCOUNT = {
  ...NO_LIMITS,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
} as const;

/** Kind of a claim where the version puts it. */
function typed(type: string, nats: Json, { version = 2, name, ...times }: ClaimOptions) {
  const { tags, issuer_account, ...rest } = nats;
  const moved = { type, ...(tags ? { tags } : {}), ...(issuer_account ? { issuer_account } : {}) };
  const common = { ...(name === undefined ? {} : { name }), ...times };
  return version === 1 ? { ...common, ...moved, nats: rest } : { ...common, nats: { ...rest, ...moved } };
}

/** An operator of a test, who signs accounts. */
export class TestOperator {
  readonly key = createNkey("operator");

  /** The operator's JWT. */
  token(nats: Json = {}, options: ClaimOptions = {}): string {
    return signClaim(
      this.key,
      { sub: this.key.publicKey, ...typed("operator", nats, options) },
      options.version,
    );
  }

  /** Creates an account. @param nats - changes what is in its JWT. */
  account(nats: Json = {}, options: ClaimOptions = {}): TestAccount {
    return new TestAccount(this.key, nats, options);
  }
}

/** An account of a test, which signs users. */
export class TestAccount {
  readonly key = createNkey("account");
  readonly token: string;

  constructor(
    private readonly operator: TestKey,
    nats: Json = {},
    options: ClaimOptions = {},
  ) {
    this.token = this.signed(nats, options);
  }

  get publicKey(): string {
    return this.key.publicKey;
  }

  /** Another JWT of this account. @param signer - who signs it instead of the operator. */
  signed(nats: Json = {}, options: ClaimOptions = {}, signer = this.operator): string {
    const full = { limits: UNLIMITED_ACCOUNT, ...nats };
    return signClaim(signer, { sub: this.publicKey, ...typed("account", full, options) }, options.version);
  }

  /** Creates a user. @param signer - a signing key of the account; it is named as the issuer's account then. */
  user(nats: Json = {}, options: ClaimOptions & { readonly signer?: TestKey } = {}): TestUser {
    const { signer, ...rest } = options;
    const key = createNkey("user");
    const full =
      signer === undefined ? { ...NO_LIMITS, ...nats } : { issuer_account: this.publicKey, ...nats };
    const claim = { sub: key.publicKey, ...typed("user", full, rest) };
    return { key, token: signClaim(signer ?? this.key, claim, rest.version) };
  }

  /** Creates a token with which another account may import. */
  activation(nats: Json, { importer, ...options }: ClaimOptions & { readonly importer: string }): string {
    return signClaim(this.key, { sub: importer, ...typed("activation", nats, options) }, options.version);
  }
}

/** A user of a test. */
export interface TestUser {
  readonly key: TestKey;
  readonly token: string;
}

/** A creds file as nsc writes them. */
export function credsOf({ key, token }: TestUser): string {
  return [
    "-----BEGIN NATS USER JWT-----",
    token,
    "------END NATS USER JWT------",
    "",
    "************************* IMPORTANT *************************",
    "",
    "-----BEGIN USER NKEY SEED-----",
    key.seed,
    "------END USER NKEY SEED------",
    "",
  ].join("\n");
}
