import { describeBrokers } from "@ganglion/testing/vitest";
import { newScopedSigner } from "@nats-io/jwt";
import { nkeys } from "@nats-io/nats-core";
import { connect, credsAuthenticator } from "nats";
import { describe, expect, it } from "vitest";
import { answersOf, JwtWorld, UNLIMITED, type WorldUser } from "../support/jwt-world.js";
import { RawClient } from "../support/raw-client.js";

const REFUSED = "-ERR 'Authorization Violation'|<closed>";

describeBrokers("operator mode", (start, kind) => {
  /** What users of a world are told, in order. */
  async function enter(
    world: JwtWorld,
    ...attempts: readonly (readonly [WorldUser, Record<string, unknown>?])[]
  ) {
    await using broker = await start({ jetstream: false, config: world.config() });
    const answers: string[] = [];
    for (const [user, fields] of attempts) {
      const client = await user.connect(broker.url, fields);
      answers.push(answersOf(client));
      client.close();
    }
    return answers;
  }

  it("says in INFO that users must sign a nonce", async () => {
    const world = await JwtWorld.create();
    await using broker = await start({ jetstream: false, config: world.config() });
    const client = await RawClient.open(broker.url);
    const info = JSON.parse(/^INFO (.*)\r\n/.exec(client.received)?.[1] ?? "{}") as Record<string, unknown>;
    expect(info).toMatchObject({ auth_required: true, nonce: expect.stringMatching(/^[\w-]{15}$/) });
    client.close();
  });

  it("lets in users of version 1 and 2 who sign the nonce, and nobody else", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    const first = await world.account("OLD", {}, { algorithm: "ed25519" } as never);
    const user = await account.user("ann");
    const old = await first.user("old", {}, { algorithm: "ed25519" } as never);
    const stranger = await (await (await JwtWorld.create()).account("X")).user("x");
    expect(
      await enter(
        world,
        [user],
        [old],
        [user, { sig: "" }],
        [user, { sig: "AAAA" }],
        [user, { jwt: "" }],
        [user, { jwt: account.token }],
        [user, { jwt: `${user.token.slice(0, -6)}AAAAAA` }],
        [stranger],
      ),
    ).toEqual(["PONG", "PONG", REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED]);
  });

  it("lets in bearers without a signature, unless the account forbids them", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    const strict = await world.account("B", { limits: { ...UNLIMITED, disallow_bearer: true } as never });
    const bearer = { bearer_token: true };
    expect(
      await enter(
        world,
        [await account.user("ann", bearer), { sig: "" }],
        [await strict.user("bob", bearer), { sig: "" }],
        [await strict.user("cid")],
      ),
    ).toEqual(["PONG", REFUSED, "PONG"]);
  });

  it("looks at times, networks and types of connections", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    const nowS = Math.floor(Date.now() / 1000);
    const clock = (shiftMs: number) => new Date(Date.now() + shiftMs).toISOString().slice(11, 19);
    const hours = (from: number, to: number) => ({
      times: [{ start: clock(from * 3_600_000), end: clock(to * 3_600_000) }],
      times_location: "UTC",
    });
    const users = [
      account.user("expired", {}, { exp: nowS - 10 }),
      account.user("early", {}, { nbf: nowS + 100 }),
      account.user("home", { src: ["127.0.0.0/8"] as never }),
      account.user("away", { src: ["10.0.0.0/8"] as never }),
      account.user("now", hours(-1, 1) as never),
      account.user("later", hours(1, 2) as never),
      account.user("tcp", { allowed_connection_types: ["STANDARD"] as never }),
      account.user("ws", { allowed_connection_types: ["WEBSOCKET"] as never }),
      account.user("pigeon", { allowed_connection_types: ["PIGEON"] as never }),
      account.user("both", { allowed_connection_types: ["PIGEON", "STANDARD"] as never }),
    ];
    const attempts = (await Promise.all(users)).map((user) => [user] as const);
    expect(await enter(world, ...attempts)).toEqual([
      REFUSED,
      REFUSED,
      "PONG",
      REFUSED,
      "PONG",
      REFUSED,
      "PONG",
      REFUSED,
      REFUSED,
      "PONG",
    ]);
  });

  it("refuses users whose JWT was revoked, and accounts that are expired or not known", async () => {
    const world = await JwtWorld.create();
    const nowS = Math.floor(Date.now() / 1000);
    const account = await world.account("A");
    const [out, stays] = [await account.user("out"), await account.user("stays")];
    await account.encode({ revocations: { [out.publicKey]: nowS + 10 } });
    const all = await world.account("ALL", { revocations: { "*": nowS + 10 } });
    const past = await world.account("PAST", { revocations: { "*": nowS - 10 } });
    const expired = await world.account("EXP", {}, { exp: nowS - 10 });
    const unknown = await world.account("UNKNOWN");
    world.accounts.pop();
    const users = [
      out,
      stays,
      await all.user("a"),
      await past.user("b"),
      await expired.user("c"),
      await unknown.user("d"),
    ];
    expect(await enter(world, ...users.map((user) => [user] as const))).toEqual([
      REFUSED,
      "PONG",
      REFUSED,
      "PONG",
      REFUSED,
      REFUSED,
    ]);
  });

  it("ends connections when the JWT of the user or of the account expires", async () => {
    const world = await JwtWorld.create();
    const exp = Math.floor(Date.now() / 1000) + 2;
    const account = await world.account("A");
    const brief = await world.account("BRIEF", {}, { exp });
    await using broker = await start({ jetstream: false, config: world.config() });
    const user = await (await account.user("ann", {}, { exp })).connect(broker.url);
    const other = await (await brief.user("bob")).connect(broker.url);
    await Promise.all([user.closed(), other.closed()]);
    expect(answersOf(user)).toBe("PONG|-ERR 'User Authentication Expired'|<closed>");
    expect(answersOf(other)).toBe("PONG|-ERR 'Account Authentication Expired'|<closed>");
    expect(answersOf(await (await brief.user("cid")).connect(broker.url))).toBe(REFUSED);
  });

  it("limits connections, subscriptions and payloads as the account and the user say", async () => {
    const world = await JwtWorld.create();
    const two = await world.account("A", {
      limits: { ...UNLIMITED, conn: 1, subs: 2, payload: 10 } as never,
    });
    const free = await world.account("B");
    await using broker = await start({ jetstream: false, config: world.config() });
    const first = await (await two.user("ann")).connect(broker.url);
    expect(answersOf(await (await two.user("bob")).connect(broker.url))).toBe(
      "-ERR 'maximum account active connections exceeded'|<closed>",
    );
    first.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB x 10\r\n0123456789\r\nPING\r\n");
    await first.pongsOrEnd(2);
    first.send("PUB x 11\r\n01234567890\r\n");
    await first.closed();
    expect(answersOf(first)).toBe(
      "PONG|-ERR 'maximum subscriptions exceeded'|PONG|-ERR 'Maximum Payload Violation'|<closed>",
    );
    const own = await (await free.user("cid", { subs: 1, payload: 5 } as never)).connect(broker.url);
    own.send("SUB a 1\r\nSUB b 2\r\nPUB x 6\r\n012345\r\n");
    await own.closed();
    expect(answersOf(own)).toBe(
      "PONG|-ERR 'maximum subscriptions exceeded'|-ERR 'Maximum Payload Violation'|<closed>",
    );
  });

  it("takes 0 subscriptions and 0 bytes for none at all", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    await using broker = await start({ jetstream: false, config: world.config() });
    const mute = await (await account.user("ann", { subs: 0 } as never)).connect(broker.url);
    await mute.closed();
    expect(answersOf(mute).split("|").toSorted()).toEqual(
      ["PONG", "-ERR 'maximum subscriptions exceeded'", "<closed>"].toSorted(),
    );
    const empty = await (await account.user("bob", { payload: 0 } as never)).connect(broker.url);
    empty.send("PUB a 0\r\n\r\nPUB a 1\r\nx\r\n");
    await empty.closed();
    expect(answersOf(empty)).toBe("PONG|-ERR 'Maximum Payload Violation'|<closed>");
  });

  it("shows in CONNZ who came in with which JWT, but no JWT that is a password", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("acme");
    await using broker = await start({ jetstream: false, config: world.config() });
    const [ann, bob] = [
      await account.user("ann", { tags: ["a:b"] } as never),
      await account.user("bob", { bearer_token: true }),
    ];
    const clients = [await ann.connect(broker.url), await bob.connect(broker.url, { sig: "" })];
    const { creds } = await world.systemAccount.user("sys");
    const system = await connect({ servers: broker.url, authenticator: credsAuthenticator(creds) });
    const subject = `$SYS.REQ.ACCOUNT.${account.publicKey}.CONNZ`;
    const answer = await system.request(subject, JSON.stringify({ auth: true }));
    const { connections } = answer.json<{ data: { connections: unknown[] } }>().data;
    expect(connections).toMatchObject([
      {
        authorized_user: ann.publicKey,
        account: account.publicKey,
        jwt: ann.token,
        issuer_key: account.publicKey,
        // 2.9 has the name of the user here, later servers that of the account.
        name_tag: kind === "nats-server" ? "ann" : "acme",
        tags: ["a:b"],
      },
      { authorized_user: bob.publicKey, issuer_key: account.publicKey },
    ]);
    // 2.9 shows it.
    if (kind !== "nats-server") expect(connections[1]).not.toHaveProperty("jwt");
    await system.close();
    for (const client of clients) client.close();
  });

  it("tells the system account who came in with which JWT, who left and who was refused", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    await using broker = await start({ jetstream: false, config: world.config() });
    const { creds } = await world.systemAccount.user("sys");
    const system = await connect({ servers: broker.url, authenticator: credsAuthenticator(creds) });
    const told = new Map<string, Record<string, unknown>>();
    const done = new Promise<void>((resolve) => {
      system.subscribe("$SYS.>", {
        callback: (_, msg) => {
          told.set(msg.subject, msg.json<{ client: Record<string, unknown> }>().client);
          if (msg.subject.endsWith(".AUTH.ERR")) resolve();
        },
      });
    });
    await system.flush();
    const user = await account.user("ann", { tags: ["a:b"] } as never);
    const client = await user.connect(broker.url, { name: "me" });
    client.close();
    await user.connect(broker.url, { sig: "" });
    await done;
    const expected = {
      acc: account.publicKey,
      user: user.publicKey,
      name: "me",
      jwt: user.token,
      issuer_key: account.publicKey,
      tags: ["a:b"],
      kind: "Client",
      client_type: "nats",
    };
    expect(told.get(`$SYS.ACCOUNT.${account.publicKey}.CONNECT`)).toMatchObject(expected);
    expect(told.get(`$SYS.ACCOUNT.${account.publicKey}.DISCONNECT`)).toMatchObject(expected);
    expect(told.get(`$SYS.SERVER.${system.info?.server_id}.CLIENT.AUTH.ERR`)).toMatchObject({
      jwt: user.token,
    });
    await system.close();
  });

  it("keeps accounts apart", async () => {
    const world = await JwtWorld.create();
    const [a, b] = [await world.account("A"), await world.account("B")];
    await using broker = await start({ jetstream: false, config: world.config() });
    const [one, two, other] = await Promise.all(
      [await a.user("ann"), await a.user("bob"), await b.user("cid")].map((user) => user.connect(broker.url)),
    );
    for (const client of [two, other]) {
      client?.send("SUB news 1\r\n");
      await client?.sync();
    }
    one?.send("PUB news 2\r\nhi\r\nPING\r\n");
    await one?.sync();
    await two?.until(/MSG/);
    await other?.sync();
    expect([two, other].map((client) => client && answersOf(client).includes("MSG news 1 2|hi"))).toEqual([
      true,
      false,
    ]);
    for (const client of [one, two, other]) client?.close();
  });

  describe("signing keys", () => {
    it("sign for their account, with the permissions of their scope", async () => {
      const world = await JwtWorld.create();
      const [plain, scoped, foreign] = [nkeys.createAccount(), nkeys.createAccount(), nkeys.createAccount()];
      const scope = newScopedSigner(scoped, "role", {
        pub: { allow: ["in.{{name()}}.{{tag(team)}}"], deny: [] },
        sub: { allow: ["_INBOX.>"], deny: [] },
      } as never);
      const account = await world.account("A", { signing_keys: [plain.getPublicKey(), scope] as never });
      const scopedUser = (claims: object) =>
        account.user("ann", claims as never, { signer: scoped, scopedUser: true } as never);
      const users = [
        await account.user("p", {}, { signer: plain }),
        await scopedUser({ tags: ["team:blue"] }),
        await account.user("own", { pub: { allow: [">"] } } as never, { signer: scoped }),
        await account.user("f", {}, { signer: foreign }),
      ];
      expect(await enter(world, ...users.map((user) => [user] as const))).toEqual([
        "PONG",
        "PONG",
        REFUSED,
        REFUSED,
      ]);
    });

    it("must sign where the operator is strict", async () => {
      const operatorSigner = nkeys.createOperator();
      const world = await JwtWorld.create({
        signing_keys: [operatorSigner.getPublicKey()],
        strict_signing_key_usage: true,
      });
      const signer = nkeys.createAccount();
      const by = { signer: operatorSigner };
      await world.systemAccount.encode({}, by);
      const account = await world.account("A", { signing_keys: [signer.getPublicKey()] as never }, by);
      const byOperator = await world.account("B", { signing_keys: [signer.getPublicKey()] as never });
      expect(
        await enter(
          world,
          [await account.user("a", {}, { signer })],
          [await account.user("b")],
          [await byOperator.user("c", {}, { signer })],
        ),
      ).toEqual(["PONG", REFUSED, REFUSED]);
    });
  });

  it("serves nats.js clients with the contents of a creds file", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    await using broker = await start({ jetstream: false, config: world.config() });
    const { creds } = await account.user("ann");
    const nc = await connect({ servers: broker.url, authenticator: credsAuthenticator(creds) });
    nc.subscribe("q", { callback: (_, msg) => void msg.respond("yes") });
    expect((await nc.request("q")).string()).toBe("yes");
    await nc.close();
    await expect(connect({ servers: broker.url, maxReconnectAttempts: 0 })).rejects.toMatchObject({
      code: "AUTHORIZATION_VIOLATION",
    });
  });
});
