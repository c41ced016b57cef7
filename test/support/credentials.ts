import { createHash } from "node:crypto";
import { nkeys } from "nats";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** An operator with one account, as a server that resolves accounts from its configuration is told of them. */
export class TestOperator {
  private readonly operator = nkeys.createOperator();
  private readonly account = nkeys.createAccount();

  /** For the server's configuration file. */
  get config(): string {
    const operator = token(this.operator, { subject: this.operator, name: "O", nats: { type: "operator" } });
    const limits = { subs: -1, conn: -1, leaf: -1, imports: -1, exports: -1, data: -1, payload: -1 };
    const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    const account = token(this.operator, {
      subject: this.account,
      name: "A",
      nats: { type: "account", limits: { ...limits, ...storage } },
    });
    return `operator: ${operator}
      resolver: MEMORY
      resolver_preload: { ${this.account.getPublicKey()}: ${account} }`;
  }

  /** Content of a `.creds` file for a new user. Source: nats.go, `FormatUserConfig`. */
  credentials(permissions: object = {}): string {
    const user = nkeys.createUser();
    const jwt = token(this.account, {
      subject: user,
      name: "U",
      nats: { type: "user", subs: -1, data: -1, payload: -1, ...permissions },
    });
    const seed = Buffer.from(user.getSeed()).toString();
    return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n
************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
  }
}

/** Source: nats-io/jwt v2, claims.go `doEncode`. */
function token(
  issuer: KeyPair,
  { subject, name, nats }: { readonly subject: KeyPair; readonly name: string; readonly nats: object },
): string {
  const claims = {
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    name,
    sub: subject.getPublicKey(),
    nats: { ...nats, version: 2 },
  };
  const jti = createHash("sha512-256").update(JSON.stringify(claims)).digest("base64url");
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part({ ...claims, jti })}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString("base64url")}`;
}
