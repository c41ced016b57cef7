import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, credsAuthenticator, type NatsConnection } from "nats";
import { afterEach, beforeEach, expect, it } from "vitest";
import { JwtWorld, type WorldAccount } from "../support/jwt-world.js";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-imports-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const stream = (subject: string, more = {}) => ({ type: "stream", subject, ...more });
const service = (subject: string, more = {}) => ({ type: "service", subject, ...more });

describeBrokers("what accounts of operator mode share", (start) => {
  /** A broker of the world, and a connection to it for an account. */
  async function running(world: JwtWorld) {
    const broker = await start({
      jetstream: false,
      config: world.config(`{ type: full, dir: "${directory}" }`),
    });
    const open: NatsConnection[] = [];
    const enter = async (account: WorldAccount) => {
      const { creds } = await account.user("u");
      const nc = await connect({ servers: broker.url, authenticator: credsAuthenticator(creds) });
      open.push(nc);
      return nc;
    };
    return {
      enter,
      change: async (account: WorldAccount, claims: unknown) => {
        const system = await enter(world.systemAccount);
        const token = await account.encode(claims as Parameters<WorldAccount["encode"]>[0]);
        expect((await system.request("$SYS.REQ.CLAIMS.UPDATE", token)).json()).toHaveProperty("data");
      },
      [Symbol.asyncDispose]: async () => {
        for (const nc of open) await nc.close();
        await broker.close();
      },
    };
  }

  /** A world in which B imports what A exports. */
  async function sharing(exports: readonly unknown[], imports: readonly object[]) {
    const world = await JwtWorld.create();
    const a = await world.account("A", { exports: exports as never });
    const withAccount = imports.map((one) => ({ account: a.publicKey, ...one }));
    const b = await world.account("B", { imports: withAccount as never });
    return { world, a, b };
  }

  /** What arrives of one message each to `subjects`, by the subject it arrives at. */
  async function heard(from: NatsConnection, to: NatsConnection, subjects: readonly string[]) {
    const arrived: string[] = [];
    const subscription = to.subscribe(">", { callback: (_, { subject }) => void arrived.push(subject) });
    await to.flush();
    for (const subject of subjects) from.publish(subject);
    await from.flush();
    await to.flush();
    subscription.unsubscribe();
    return arrived;
  }

  async function answers(nc: NatsConnection, subject: string) {
    const subscription = nc.subscribe(subject, { callback: (_, msg) => void msg.respond(msg.subject) });
    await nc.flush();
    return subscription;
  }

  it("flows: streams under their own name, under another one, and behind a prefix", async () => {
    const { world, a, b } = await sharing(
      [stream("s.>"), stream("t.*.*"), stream("u.>")],
      [stream("s.a"), stream("t.*.*", { local_subject: "mine.$2.$1" }), stream("u.x", { to: "front" })],
    );
    await using setup = await running(world);
    const [from, to] = [await setup.enter(a), await setup.enter(b)];
    expect(await heard(from, to, ["s.a", "s.b", "t.1.2", "u.x", "other"])).toEqual([
      "s.a",
      "mine.2.1",
      "front.u.x",
    ]);
    expect(await heard(to, from, ["s.a"])).toEqual([]);
  });

  it("answers: services under their own name and under another one", async () => {
    const { world, a, b } = await sharing(
      [service("q.>")],
      [service("q.a"), service("q.b", { local_subject: "mine" })],
    );
    await using setup = await running(world);
    const [from, to] = [await setup.enter(a), await setup.enter(b)];
    await answers(from, "q.>");
    expect((await to.request("q.a")).string()).toBe("q.a");
    expect((await to.request("mine")).string()).toBe("q.b");
    await expect(to.request("q.c")).rejects.toMatchObject({ code: "503" });
  });

  it("is private where a token is required, and open to who has one", async () => {
    const world = await JwtWorld.create();
    const exports = [stream("s.>", { token_req: true }), service("q", { token_req: true })];
    const a = await world.account("A", { exports: exports as never });
    const b = await world.account("B");
    const account = a.publicKey;
    await using setup = await running(world);
    const [from, to] = [await setup.enter(a), await setup.enter(b)];
    await answers(from, "q");
    await setup.change(b, { imports: [stream("s.a", { account }), service("q", { account })] });
    expect(await heard(from, to, ["s.a"])).toEqual([]);
    await expect(to.request("q")).rejects.toMatchObject({ code: "503" });
    const tokens = {
      stream: await a.activation(b, { kind: "stream", subject: "s.>" }),
      service: await a.activation(b, { kind: "service", subject: "q" }),
    };
    const imports = [
      stream("s.a", { account, token: tokens.stream }),
      service("q", { account, token: tokens.service }),
    ];
    await setup.change(b, { imports });
    expect(await heard(from, to, ["s.a"])).toEqual(["s.a"]);
    expect((await to.request("q")).string()).toBe("q");
    const revocations = { [b.publicKey]: Math.floor(Date.now() / 1000) + 10 };
    await setup.change(a, { exports: exports.map((one) => ({ ...one, revocations })) });
    expect(await heard(from, to, ["s.a"])).toEqual([]);
  });

  it("is for the account that the subject names, where the export says so", async () => {
    const world = await JwtWorld.create();
    const a = await world.account("A", {
      exports: [stream("s.*.>", { account_token_position: 2 })] as never,
    });
    const b = await world.account("B");
    const account = a.publicKey;
    const imports = [stream(`s.${b.publicKey}.x`, { account }), stream(`s.${account}.x`, { account })];
    await b.encode({ imports: imports as never });
    await using setup = await running(world);
    const [from, to] = [await setup.enter(a), await setup.enter(b)];
    expect(await heard(from, to, [`s.${b.publicKey}.x`, `s.${account}.x`])).toEqual([`s.${b.publicKey}.x`]);
  });

  it("comes and goes with the exports, while both accounts are in use", async () => {
    const { world, a, b } = await sharing([], [stream("s.a")]);
    await using setup = await running(world);
    const [from, to] = [await setup.enter(a), await setup.enter(b)];
    expect(await heard(from, to, ["s.a"])).toEqual([]);
    await setup.change(a, { exports: [stream("s.>")] });
    expect(await heard(from, to, ["s.a"])).toEqual(["s.a"]);
    await setup.change(a, {});
    expect(await heard(from, to, ["s.a"])).toEqual([]);
  });

  it("maps subjects as the account says", async () => {
    const world = await JwtWorld.create();
    const a = await world.account("A", { mappings: { "old.*": [{ subject: "new.$1" }] } } as never);
    await using setup = await running(world);
    const [one, two] = [await setup.enter(a), await setup.enter(a)];
    expect(await heard(one, two, ["old.x", "else"])).toEqual(["new.x", "else"]);
    await setup.change(a, {});
    expect(await heard(one, two, ["old.x"])).toEqual(["old.x"]);
  });
});
