import { encodeAccount, encodeActivation, encodeOperator, encodeUser, fmtCreds } from "@nats-io/jwt";
import { nkeys } from "@nats-io/nats-core";
import { RawClient } from "./raw-client.js";

type KeyPair = ReturnType<typeof nkeys.createUser>;
type AccountClaims = NonNullable<Parameters<typeof encodeAccount>[2]>;
type UserClaims = NonNullable<Parameters<typeof encodeUser>[3]>;
type UserOptions = NonNullable<Parameters<typeof encodeUser>[4]>;
type EncodeOptions = Partial<UserOptions>;

/** Limits of an account that limit nothing; JetStream is off. */
export const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
} as const;

/** An operator with its accounts, encoded by the official library. */
export class JwtWorld {
  readonly accounts: WorldAccount[] = [];

  private constructor(
    readonly operatorToken: string,
    readonly operator: KeyPair,
  ) {}

  /** Creates an operator and its system account. @param operatorClaims - what the operator's JWT says beside. */
  static async create(operatorClaims: Record<string, unknown> = {}): Promise<JwtWorld> {
    const operator = nkeys.createOperator();
    const system = nkeys.createAccount();
    const claims = { system_account: system.getPublicKey(), ...operatorClaims };
    const world = new JwtWorld(await encodeOperator("OP", operator, claims), operator);
    await world.account("SYS", {}, { key: system });
    return world;
  }

  /** Creates an account, which the configuration preloads. */
  async account(
    name: string,
    claims: Partial<AccountClaims> = {},
    { key = nkeys.createAccount(), ...options }: EncodeOptions & { readonly key?: KeyPair } = {},
  ): Promise<WorldAccount> {
    const account = new WorldAccount(name, key, this.operator);
    await account.encode(claims, options);
    this.accounts.push(account);
    return account;
  }

  get systemAccount(): WorldAccount {
    return this.accounts[0] as WorldAccount; // created first
  }

  /** The configuration of a broker of this operator. @param resolver - MEMORY, or a block. */
  config(resolver = "MEMORY", preloaded: readonly WorldAccount[] = this.accounts): string {
    const preload = preloaded.map(({ publicKey, token }) => `  ${publicKey}: "${token}"`).join("\n");
    return `operator: "${this.operatorToken}"\nresolver: ${resolver}\nresolver_preload {\n${preload}\n}\n`;
  }
}

/** An account and its keys. */
export class WorldAccount {
  token = "";
  readonly publicKey: string;

  constructor(
    readonly name: string,
    readonly key: KeyPair,
    private readonly operator: KeyPair,
  ) {
    this.publicKey = key.getPublicKey();
  }

  /** Encodes another JWT of the account, which becomes its token. */
  async encode(claims: Partial<AccountClaims> = {}, options: EncodeOptions = {}): Promise<string> {
    const full = { limits: UNLIMITED, ...claims } as Partial<AccountClaims>;
    this.token = await encodeAccount(this.name, this.key, full, { signer: this.operator, ...options });
    return this.token;
  }

  /** Creates a user. @param options - with `signer` a signing key of the account signs, and with `scopedUser` sets no limits. */
  async user(
    name: string,
    claims: Partial<UserClaims> = {},
    options: EncodeOptions = {},
  ): Promise<WorldUser> {
    const key = nkeys.createUser();
    return new WorldUser(key, await encodeUser(name, key, this.key, claims, options));
  }

  /** Creates a token with which `importer` may import. */
  activation(
    importer: WorldAccount,
    { kind, subject, ...options }: { kind: "service" | "stream"; subject: string; exp?: number },
  ): Promise<string> {
    return encodeActivation("", importer.key, this.key, kind, { subject }, options);
  }
}

/** A user and its key. */
export class WorldUser {
  constructor(
    readonly key: KeyPair,
    readonly token: string,
  ) {}

  get publicKey(): string {
    return this.key.getPublicKey();
  }

  /** A creds file. */
  get creds(): Uint8Array {
    return fmtCreds(this.token, this.key);
  }

  /** Opens a connection and sends CONNECT and PING. @param fields - change what CONNECT says. */
  async connect(url: string, fields: Record<string, unknown> = {}): Promise<RawClient> {
    const client = await RawClient.open(url);
    const { nonce = "" } = JSON.parse(/^INFO (.*)\r\n/.exec(client.received)?.[1] ?? "{}") as {
      nonce?: string;
    };
    const sig = Buffer.from(this.key.sign(Buffer.from(nonce))).toString("base64url");
    const connect = {
      verbose: false,
      pedantic: false,
      headers: true,
      protocol: 1,
      jwt: this.token,
      sig,
      ...fields,
    };
    client.send(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`);
    await client.pongsOrEnd(1);
    return client;
  }
}

/** What a client received behind the first INFO, further ones left out; `<closed>` when the server hung up. */
export function answersOf(client: RawClient): string {
  const lines = client.received.split("\r\n").filter((line) => line !== "" && !line.startsWith("INFO "));
  return [...lines, ...(client.isClosed ? ["<closed>"] : [])].join("|");
}
