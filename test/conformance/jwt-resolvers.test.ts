import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestBroker } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { encodeGeneric } from "@nats-io/jwt";
import { nkeys } from "@nats-io/nats-core";
import { connect, credsAuthenticator, type NatsConnection } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CertificateAuthority } from "../support/certificates.js";
import { answersOf, JwtWorld, UNLIMITED, type WorldAccount } from "../support/jwt-world.js";

const REFUSED = "-ERR 'Authorization Violation'|<closed>";
const nowS = () => Math.floor(Date.now() / 1000);

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-resolver-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function asSystem(world: JwtWorld, broker: TestBroker): Promise<NatsConnection> {
  const { creds } = await world.systemAccount.user("sys");
  return connect({ servers: broker.url, authenticator: credsAuthenticator(creds) });
}

describeBrokers("a full resolver", (start, kind) => {
  const full = (more = "") => `{ type: full, dir: "${directory}", ${more} }`;
  const startFull = (world: JwtWorld, more = "", preloaded = [world.systemAccount]) =>
    start({ jetstream: false, config: world.config(full(more), preloaded) });

  it("takes in accounts, tells about them and keeps them over a restart", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    const user = await account.user("ann");
    await using broker = await startFull(world);
    expect(answersOf(await user.connect(broker.url))).toBe(REFUSED);
    const system = await asSystem(world, broker);
    expect((await system.request("$SYS.REQ.CLAIMS.UPDATE", account.token)).json()).toMatchObject({
      server: { name: expect.any(String) },
      data: { account: account.publicKey, code: 200, message: "jwt updated" },
    });
    const lookup = (key: string) => system.request(`$SYS.REQ.ACCOUNT.${key}.CLAIMS.LOOKUP`);
    expect((await lookup(account.publicKey)).string()).toBe(account.token);
    // 2.9 does not answer for an account that it does not have.
    if (kind !== "nats-server")
      expect((await lookup(nkeys.createAccount().getPublicKey())).string()).toBe("");
    const { data } = (await system.request("$SYS.REQ.CLAIMS.LIST")).json<{ data: string[] }>();
    expect(data.toSorted()).toEqual([account.publicKey, world.systemAccount.publicKey].toSorted());
    expect(answersOf(await user.connect(broker.url))).toBe("PONG");
    await system.close();
    await broker.restart();
    expect(answersOf(await user.connect(broker.url))).toBe("PONG");
    expect(readdirSync(directory)).toContain(`${account.publicKey}.jwt`);
  });

  it("packs what it has, one message for each account, and an empty one at the end", async () => {
    const world = await JwtWorld.create();
    await world.account("A");
    await using broker = await startFull(world, "", world.accounts);
    const system = await asSystem(world, broker);
    const packed: string[] = [];
    const done = new Promise<void>((resolve) => {
      system.subscribe("packed", {
        callback: (_, msg) => (msg.data.length === 0 ? resolve() : packed.push(msg.string())),
      });
    });
    system.publish("$SYS.REQ.CLAIMS.PACK", Buffer.alloc(32), { reply: "packed" });
    await done;
    const expected = world.accounts.map(({ publicKey, token }) => `${publicKey}|${token}`);
    expect(packed.toSorted()).toEqual(expected.toSorted());
    await system.close();
  });

  it("refuses updates that cannot be used, and says why", async () => {
    const world = await JwtWorld.create();
    const [a, b] = [await world.account("A"), await world.account("B")];
    await using broker = await startFull(world);
    const system = await asSystem(world, broker);
    const update = async (payload: string, subject = "$SYS.REQ.CLAIMS.UPDATE") => {
      const { error } = (await system.request(subject, payload)).json<{ error?: { code: number } }>();
      return error?.code;
    };
    expect(await update("nonsense")).toBe(500);
    expect(await update((await a.user("x")).token)).toBe(500);
    expect(await update(a.token, `$SYS.REQ.ACCOUNT.${b.publicKey}.CLAIMS.UPDATE`)).toBe(500);
    expect(await update(a.token, `$SYS.REQ.ACCOUNT.${a.publicKey}.CLAIMS.UPDATE`)).toBeUndefined();
    await b.encode({
      limits: { ...UNLIMITED, exports: 0 } as never,
      exports: [{ subject: "a", type: "stream" }] as never,
    });
    expect(await update(b.token)).toBe(500);
    const { data } = (await system.request("$SYS.REQ.CLAIMS.LIST")).json<{ data: string[] }>();
    expect(data).not.toContain(b.publicKey);
    await system.close();
  });

  it("deletes only what an operator asks for, only where it may, and never the system account", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    const user = await account.user("ann");
    const request = (signer: typeof world.operator, accounts: unknown) =>
      encodeGeneric("delete", signer, "", { accounts } as never);
    {
      await using broker = await startFull(world, "", world.accounts);
      const system = await asSystem(world, broker);
      const token = await request(world.operator, [account.publicKey]);
      expect((await system.request("$SYS.REQ.CLAIMS.DELETE", token)).json()).toMatchObject({
        error: { code: 500, description: expect.stringContaining("delete must be enabled in server config") },
      });
      await system.close();
    }
    await using broker = await startFull(world, "allow_delete: true", world.accounts);
    const system = await asSystem(world, broker);
    const ask = async (token: string) => (await system.request("$SYS.REQ.CLAIMS.DELETE", token)).json();
    const refused = (reason: string) => ({
      error: { code: 500, description: expect.stringContaining(reason) },
    });
    expect(await ask(await request(nkeys.createOperator(), [account.publicKey]))).toMatchObject(
      refused("not trusted"),
    );
    expect(await ask(await request(world.operator, "all"))).toMatchObject(refused("malformed request"));
    expect(await ask(await request(world.operator, [world.systemAccount.publicKey]))).toMatchObject(
      refused("not allowed to delete system account"),
    );
    const client = await user.connect(broker.url);
    expect(await ask(await request(world.operator, [account.publicKey]))).toMatchObject({
      data: { code: 200, message: "deleted 1 accounts" },
    });
    await client.closed();
    expect(answersOf(client)).toBe("PONG|-ERR 'Account Authentication Expired'|<closed>");
    expect(answersOf(await user.connect(broker.url))).toBe(REFUSED);
    expect(readdirSync(directory)).toContain(`${account.publicKey}.jwt.deleted`);
    await system.close();
  });

  it("keeps no more accounts than its limit", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    await using broker = await startFull(world, "limit: 1");
    const system = await asSystem(world, broker);
    expect((await system.request("$SYS.REQ.CLAIMS.UPDATE", account.token)).json()).toMatchObject({
      error: { code: 500, description: "jwt update resulted in error - jwt store is full" },
    });
    await system.close();
  });

  it("reads files that nsc or another server has written", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    writeFileSync(join(directory, `${account.publicKey}.jwt`), account.token);
    await using broker = await startFull(world);
    expect(answersOf(await (await account.user("ann")).connect(broker.url))).toBe("PONG");
  });
});

describeBrokers("an account that changes while it is in use", (start, kind) => {
  /** A broker, and a function that changes an account. */
  async function changing(world: JwtWorld) {
    const resolver = `{ type: full, dir: "${directory}" }`;
    const broker = await start({ jetstream: true, config: world.config(resolver) });
    const system = await asSystem(world, broker);
    return {
      broker,
      change: async (account: WorldAccount, ...args: Parameters<WorldAccount["encode"]>) => {
        const token = await account.encode(...args);
        expect((await system.request("$SYS.REQ.CLAIMS.UPDATE", token)).json()).toHaveProperty("data");
      },
      [Symbol.asyncDispose]: async () => {
        await system.close();
        await broker.close();
      },
    };
  }

  it("ends the connections of revoked users, and keeps the others", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    await using changes = await changing(world);
    const [out, stays] = [await account.user("out"), await account.user("stays")];
    const clients = [await out.connect(changes.broker.url), await stays.connect(changes.broker.url)] as const;
    await changes.change(account, { revocations: { [out.publicKey]: nowS() + 10 } });
    await clients[0].closed();
    expect(answersOf(clients[0])).toBe("PONG|-ERR 'User Authentication Revoked'|<closed>");
    await clients[1].sync();
    await changes.change(account, { revocations: { "*": nowS() + 10 } });
    await clients[1].closed();
    expect(answersOf(clients[1])).toBe("PONG|PONG|-ERR 'User Authentication Revoked'|<closed>");
  });

  it("ends connections when fewer are allowed: the newest, or in 2.9 the oldest", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    await using changes = await changing(world);
    const user = await account.user("ann");
    const old = await user.connect(changes.broker.url);
    const recent = await user.connect(changes.broker.url);
    await changes.change(account, { limits: { ...UNLIMITED, conn: 1 } as never });
    const [stays, goes] = kind === "nats-server" ? [recent, old] : [old, recent];
    await goes.closed();
    expect(answersOf(goes)).toBe("PONG|-ERR 'maximum account active connections exceeded'|<closed>");
    await stays.sync();
    stays.close();
  });

  it("limits the payloads of connections that are there", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    await using changes = await changing(world);
    const client = await (await account.user("ann")).connect(changes.broker.url);
    await changes.change(account, { limits: { ...UNLIMITED, payload: 3 } as never });
    client.send("PUB a 3\r\nabc\r\nPUB a 4\r\nabcd\r\n");
    await client.closed();
    expect(answersOf(client)).toBe("PONG|-ERR 'Maximum Payload Violation'|<closed>");
  });

  it("ends the connections of users whose signing key is gone, and of bearers", async () => {
    const world = await JwtWorld.create();
    const signer = nkeys.createAccount();
    const keys = { signing_keys: [signer.getPublicKey()] as never };
    const account = await world.account("A", keys);
    await using changes = await changing(world);
    const signed = await (await account.user("s", {}, { signer })).connect(changes.broker.url);
    const bearer = await (await account.user("b", { bearer_token: true })).connect(changes.broker.url, {
      sig: "",
    });
    const own = await (await account.user("o")).connect(changes.broker.url);
    await changes.change(account, { limits: { ...UNLIMITED, disallow_bearer: true } as never });
    await Promise.all([signed.closed(), bearer.closed()]);
    expect(answersOf(signed)).toBe("PONG|<closed>");
    expect(answersOf(bearer)).toBe(`PONG|${REFUSED}`);
    await own.sync();
    own.close();
  });

  it("gets JetStream, other limits of it, and loses it", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    await using changes = await changing(world);
    const { creds } = await account.user("ann");
    const nc = await connect({ servers: changes.broker.url, authenticator: credsAuthenticator(creds) });
    await expect(nc.jetstreamManager()).rejects.toMatchObject({ code: "503" });
    const limits = (streams: number) =>
      ({ limits: { ...UNLIMITED, mem_storage: -1, disk_storage: -1, streams, consumer: -1 } }) as never;
    await changes.change(account, limits(1));
    const manager = await nc.jetstreamManager();
    await manager.streams.add({ name: "ONE", subjects: ["one"] });
    await expect(manager.streams.add({ name: "TWO", subjects: ["two"] })).rejects.toMatchObject({
      api_error: { err_code: 10027 },
    });
    await changes.change(account, limits(2));
    await manager.streams.add({ name: "TWO", subjects: ["two"] });
    expect((await manager.getAccountInfo()).limits.max_streams).toBe(2);
    await changes.change(account, {});
    await expect(manager.getAccountInfo()).rejects.toMatchObject({ code: "503" });
    await nc.close();
  });
});

describeBrokers("a resolver in memory", (start) => {
  it("takes over a change of an account in use, and skips others", async () => {
    const world = await JwtWorld.create();
    const [used, unused] = [await world.account("A"), await world.account("B")];
    await using broker = await start({ jetstream: false, config: world.config() });
    const client = await (await used.user("ann")).connect(broker.url);
    const system = await asSystem(world, broker);
    const update = async (account: WorldAccount) => {
      const token = await account.encode({ revocations: { "*": nowS() + 10 } });
      const subject = `$SYS.REQ.ACCOUNT.${account.publicKey}.CLAIMS.UPDATE`;
      return (await system.request(subject, token)).json<{ data: { message: string } }>().data.message;
    };
    expect(await update(used)).toBe("jwt updated");
    await client.closed();
    expect(answersOf(client)).toBe("PONG|-ERR 'User Authentication Revoked'|<closed>");
    expect(await update(unused)).toBe("jwt update skipped");
    await system.close();
  });
});

describeBrokers("a resolver with a web server", (start) => {
  it("asks it for accounts, and lets nobody in whose account it does not have", async () => {
    const world = await JwtWorld.create();
    const [known, unknown] = [await world.account("A"), await world.account("B")];
    const server = createServer((request, response) => {
      const key = request.url?.split("/").at(-1);
      const account = world.accounts.find(({ publicKey }) => publicKey === key && key !== unknown.publicKey);
      if (key !== "" && account === undefined) response.writeHead(404);
      response.end(account?.token);
    }).listen(0, "127.0.0.1");
    await new Promise<void>((resolve) => server.once("listening", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwt/v1/accounts/`;
    const config = `operator: "${world.operatorToken}"\nresolver: URL("${url}")\n`;
    {
      await using broker = await start({ jetstream: false, config });
      expect(answersOf(await (await known.user("ann")).connect(broker.url))).toBe("PONG");
      expect(answersOf(await (await unknown.user("bob")).connect(broker.url))).toBe(REFUSED);
    }
    server.closeAllConnections();
    server.close();
  });
});

describeBrokers("a resolver with a web server over TLS", (start) => {
  it("trusts the authority that resolver_tls names, and no other", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    const authority = await CertificateAuthority.create(directory);
    const { certFile, keyFile } = await authority.issue({
      subject: "CN=resolver",
      alternatives: [{ type: "dns", value: "localhost" }],
    });
    const identity = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    const server = createSecureServer(identity, (request, response) => {
      const found = world.accounts.find(({ publicKey }) => request.url?.endsWith(publicKey));
      response.end(found?.token);
    }).listen(0, "127.0.0.1");
    await new Promise<void>((resolve) => server.once("listening", resolve));
    const url = `https://localhost:${(server.address() as AddressInfo).port}/accounts/`;
    const config = `operator: "${world.operatorToken}"\nresolver: URL("${url}")\n`;
    {
      const tls = `resolver_tls { ca_file: "${authority.caFile}" }\n`;
      await using broker = await start({ jetstream: false, config: config + tls });
      expect(answersOf(await (await account.user("ann")).connect(broker.url))).toBe("PONG");
    }
    server.closeAllConnections();
    server.close();
  });
});

describeBrokers("accounts and users that are picked", (start, kind) => {
  it("are only those that are pinned, and the system account", async () => {
    const world = await JwtWorld.create();
    const [a, b] = [await world.account("A"), await world.account("B")];
    const pinned = `resolver_pinned_accounts: ["${a.publicKey}"]\nsystem_account: ${world.systemAccount.publicKey}\n`;
    await using broker = await start({ jetstream: false, config: world.config() + pinned });
    const answers: string[] = [];
    for (const account of [a, b, world.systemAccount]) {
      const client = await (await account.user("u")).connect(broker.url);
      answers.push(answersOf(client));
      client.close();
    }
    expect(answers).toEqual(["PONG", REFUSED, "PONG"]);
  });

  // nats-server has it since 2.11.
  const newer = kind === "nats-server" ? it.skip : it;

  newer("come in as the sentinel when they bring no JWT (nats-server 2.11)", async () => {
    const world = await JwtWorld.create();
    const account = await world.account("A");
    const sentinel = await account.user("nobody", { bearer_token: true });
    const config = `${world.config()}default_sentinel: "${sentinel.token}"\n`;
    await using broker = await start({ jetstream: false, config });
    const nc = await connect({ servers: broker.url });
    expect((await nc.request("$SYS.REQ.USER.INFO")).json()).toMatchObject({
      data: { user: sentinel.publicKey, account: account.publicKey, account_name: "A", user_name: "nobody" },
    });
    await nc.close();
  });
});

describe("permissions in operator mode", () => {
  describeBrokers("users of scoped signing keys", (start) => {
    it("may what the scope says, and nothing else", async () => {
      const world = await JwtWorld.create();
      const scoped = nkeys.createAccount();
      const scope = {
        kind: "user_scope",
        key: scoped.getPublicKey(),
        role: "r",
        template: {
          pub: { allow: ["in.{{name()}}"] },
          sub: { allow: ["out.{{tag(team)}}.>"] },
          subs: -1,
          data: -1,
          payload: -1,
        },
      };
      const account = await world.account("A", { signing_keys: [scope] as never });
      await using broker = await start({ jetstream: false, config: world.config() });
      const user = await account.user(
        "ann",
        { tags: ["team:blue"] } as never,
        { signer: scoped, scopedUser: true } as never,
      );
      const client = await user.connect(broker.url);
      client.send("PUB in.ann 0\r\n\r\nPUB in.bob 0\r\n\r\nSUB out.blue.x 1\r\nSUB out.red.x 2\r\nPING\r\n");
      await client.pongsOrEnd(2);
      expect(answersOf(client)).toBe(
        [
          "PONG",
          `-ERR 'Permissions Violation for Publish to "in.bob"'`,
          `-ERR 'Permissions Violation for Subscription to "out.red.x"'`,
          "PONG",
        ].join("|"),
      );
      client.close();
    });
  });
});
