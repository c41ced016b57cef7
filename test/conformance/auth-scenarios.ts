import { createUser, type KeyPair } from "nkeys.js";
import type { RawClient } from "../support/raw-client.js";
import type { ConfiguredScenario } from "../support/transcripts.js";

/** The beginning of a CONNECT with these credentials. */
export function connect(credentials: Readonly<Record<string, unknown>> = {}): string {
  const options = { verbose: false, pedantic: false, protocol: 1, headers: true, no_responders: true };
  return `CONNECT ${JSON.stringify({ ...options, ...credentials })}\r\n`;
}

type Credentials = Readonly<Record<string, unknown>>;

/** A client that is let in, publishes and receives. */
async function isLetIn(client: RawClient, credentials: Credentials): Promise<void> {
  client.send(`${connect(credentials)}SUB foo 1\r\nPUB foo 2\r\nhi\r\n`);
  await client.sync();
}

/** A client that is turned away. */
async function isTurnedAway(client: RawClient, credentials: Credentials): Promise<void> {
  client.send(`${connect(credentials)}SUB foo 1\r\nPING\r\n`);
  await client.closed();
}

/** Every client of `accepted` is let in, every one of `refused` is not. */
function lets(
  name: string,
  config: string,
  who: { readonly accepted: readonly Credentials[]; readonly refused: readonly Credentials[] },
): ConfiguredScenario {
  return {
    name,
    config,
    play: async (open) => {
      for (const credentials of who.accepted) await isLetIn(await open(), credentials);
      for (const credentials of who.refused) await isTurnedAway(await open(), credentials);
    },
  };
}

/** One client that comes in as `user` and sends `text`. */
function says(name: string, config: string, text: string): ConfiguredScenario {
  return {
    name,
    config,
    play: async (open) => {
      const client = await open();
      client.send(text);
      await client.sync();
    },
  };
}

/** bcrypt of `s3cret`, cost 4. */
const HASH = "$2a$04$7OmaB0b4.3cRHNCmCj1bGOu1VAnGV2aY74OQ68tpvxxr9thcX5s/y";

const NKEY = createUser();
const STRANGER = createUser();

function signed(key: KeyPair, client: RawClient, as: KeyPair = key): Credentials {
  const [, json = ""] = /^INFO (.*)\r\n/.exec(client.received) ?? [];
  const { nonce } = JSON.parse(json) as { nonce: string };
  const sig = Buffer.from(key.sign(Buffer.from(nonce))).toString("base64url");
  return { nkey: as.getPublicKey(), sig };
}

const USERS = `authorization { users: [
  { user: a, password: pw }
  { user: b, password: "${HASH}" }
] }`;

export const AUTHENTICATION_SCENARIOS: readonly ConfiguredScenario[] = [
  lets("token", "authorization { token: s3cret }", {
    accepted: [{ auth_token: "s3cret" }],
    refused: [{}, { auth_token: "other" }, { auth_token: "" }, { user: "s3cret", pass: "s3cret" }],
  }),
  lets("token, hashed", `authorization { token: "${HASH}" }`, {
    accepted: [{ auth_token: "s3cret" }],
    refused: [{ auth_token: HASH }, { auth_token: "x" }],
  }),
  lets("user and password", "authorization { user: u, password: pw }", {
    accepted: [{ user: "u", pass: "pw" }],
    refused: [{}, { user: "u", pass: "pW" }, { user: "u" }, { user: "v", pass: "pw" }, { auth_token: "pw" }],
  }),
  lets("several users, one with a hash", USERS, {
    accepted: [
      { user: "a", pass: "pw" },
      { user: "b", pass: "s3cret" },
    ],
    refused: [{}, { user: "a", pass: "s3cret" }, { user: "b", pass: HASH }, { user: "c", pass: "pw" }],
  }),
  lets("users of the system account only", "accounts { $SYS { users: [{user: s, password: pw}] } }", {
    accepted: [{}, { user: "s", pass: "pw" }],
    refused: [{ user: "s", pass: "x" }, { user: "t" }],
  }),
  lets("an account asked for by name", "authorization { user: u, password: pw }", {
    accepted: [],
    refused: [
      { user: "u", pass: "pw", account: "A" },
      { user: "u", pass: "pw", new_account: true },
    ],
  }),
  {
    name: "nkey",
    config: `authorization { users: [{ nkey: ${NKEY.getPublicKey()} }] }`,
    play: async (open) => {
      const good = await open();
      await isLetIn(good, signed(NKEY, good));
      for (const wrong of [
        (client: RawClient) => signed(STRANGER, client),
        (client: RawClient) => signed(STRANGER, client, NKEY),
        (client: RawClient) => ({ ...signed(NKEY, client), sig: "" }),
        (client: RawClient) => ({ ...signed(NKEY, client), sig: "%%%" }),
        () => ({}),
      ]) {
        const client = await open();
        await isTurnedAway(client, wrong(client));
      }
    },
  },
  lets("no_auth_user", `${USERS}\nno_auth_user: a`, {
    accepted: [{}, { user: "b", pass: "s3cret" }],
    refused: [{ user: "b", pass: "x" }, { user: "c" }, { auth_token: "pw" }],
  }),
  says(
    "no CONNECT where there is a no_auth_user",
    `${USERS}\nno_auth_user: a`,
    "SUB foo 1\r\nPUB foo 2\r\nhi\r\n",
  ),
  {
    name: "something else before CONNECT",
    config: USERS,
    play: async (open) => {
      for (const first of ["PING\r\n", "SUB foo 1\r\n", "PUB foo 0\r\n\r\n"]) {
        const client = await open();
        client.send(first);
        await client.closed();
      }
    },
  },
  {
    name: "a second CONNECT as somebody else",
    config: `accounts {
      A { users: [{ user: a, password: pw }] }
      B { users: [{ user: b, password: "${HASH}" }, { user: c, password: pw, permissions { publish: x } }] }
    }`,
    play: async (open) => {
      const other = await open();
      other.send(`${connect({ user: "c", pass: "pw" })}SUB > 1\r\n`);
      await other.sync();
      const client = await open();
      // In one write: what follows a CONNECT waits until it is decided. 2.9 keeps subscriptions and cached
      // routes, so the old ones are ended and the new subjects are others.
      client.send(
        [
          `${connect({ user: "a", pass: "pw" })}SUB foo 1\r\nPUB foo 1\r\nA\r\nUNSUB 1\r\n`,
          `${connect({ user: "b", pass: "s3cret" })}PUB bar 1\r\nB\r\nSUB bar 2\r\nPUB bar 2\r\nBB\r\nUNSUB 2\r\n`,
          `${connect({ user: "c", pass: "pw" })}PUB foo 1\r\nC\r\nPUB x 1\r\nX\r\nSUB foo 3\r\n`,
        ].join(""),
      );
      await client.sync();
      await other.sync();
      client.send(connect({ user: "c", pass: "wrong" }));
      await client.closed();
    },
  },
  {
    name: "verbose: +OK and -ERR in order",
    config:
      "authorization { users: [{ user: a, password: pw, permissions { publish: foo, subscribe: foo } }] }",
    play: async (open) => {
      const client = await open();
      client.send(connect({ user: "a", pass: "pw", verbose: true, pedantic: true }));
      client.send(
        "PUB foo 0\r\n\r\nPUB bar 0\r\n\r\nSUB foo 1\r\nSUB bar 2\r\nUNSUB 1\r\nPUB foo _R_.x 0\r\n\r\n",
      );
      await client.sync();
    },
  },
];
