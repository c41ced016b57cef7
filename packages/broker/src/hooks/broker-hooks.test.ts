import { VirtualClock } from "@ganglion/kernel";
import { describe, expect, onTestFinished, test } from "vitest";
import { RawClient } from "../../../../test/support/raw-client.js";
import { createNkey, signWithNkeySeed } from "../auth/nkey.js";
import { type Broker, startBroker } from "../broker.js";
import type { BrokerOptions } from "../options.js";
import type { AdmittedClient, BrokerHooks, ConnectionAttempt } from "./broker-hooks.js";

async function start(hooks: BrokerHooks, options: BrokerOptions = {}): Promise<Broker> {
  const broker = await startBroker({ ...options, hooks });
  onTestFinished(() => broker.close());
  return broker;
}

async function open(broker: Broker): Promise<RawClient> {
  const client = await RawClient.open(broker.url);
  onTestFinished(() => client.close());
  return client;
}

/** What the broker answers to CONNECT and PING. */
async function answer(broker: Broker, connect: object): Promise<string> {
  const client = await open(broker);
  client.send(`CONNECT ${JSON.stringify({ verbose: false, ...connect })}\r\nPING\r\n`);
  await client.until(/PONG|-ERR/);
  return client.received.includes("PONG") ? "in" : (/-ERR '(.*)'/.exec(client.received)?.[1] ?? "");
}

const REFUSED = "Authorization Violation";

describe("hooks.authenticate", () => {
  test("decides, at once or later, as whom a client comes in and what it may do", async () => {
    const attempts: ConnectionAttempt[] = [];
    const broker = await start({
      authenticate: async (attempt) => {
        attempts.push(attempt);
        await new Promise((resolve) => setImmediate(resolve));
        return attempt.password === "right" ? { permissions: { publish: { allow: ["ok.>"] } } } : undefined;
      },
    });
    expect(await answer(broker, { user: "ann", pass: "wrong" })).toBe(REFUSED);
    const client = await open(broker);
    client.send(
      'CONNECT {"user":"ann","pass":"right","name":"n"}\r\nSUB > 1\r\nPUB no 0\r\n\r\nPUB ok.1 0\r\n\r\nPING\r\n',
    );
    await client.until(/PONG/);
    expect(client.received).toContain(`-ERR 'Permissions Violation for Publish to "no"'`);
    expect(client.received).toContain("MSG ok.1 1 0");
    expect(attempts.at(-1)).toMatchObject({ user: "ann", password: "right", name: "n", host: "127.0.0.1" });
    expect(attempts.at(-1)).toMatchObject({ connectionType: "STANDARD", token: "", nkey: "", jwt: "" });
    expect(client.received).toContain('"auth_required":true');
  });

  test("is told of an nkey only when the client owns it", async () => {
    const key = createNkey("user");
    const broker = await start({ authenticate: ({ nkey }) => (nkey === key.publicKey ? {} : undefined) });
    const client = await open(broker);
    await client.until(/INFO/);
    const { nonce } = JSON.parse(/INFO (.*) \r\n/.exec(client.received)?.[1] ?? "{}");
    const sig = signWithNkeySeed(key.seed, Buffer.from(nonce))?.toString("base64url");
    client.send(`CONNECT ${JSON.stringify({ nkey: key.publicKey, sig })}\r\nPING\r\n`);
    await client.until(/PONG/);
    expect(await answer(broker, { nkey: key.publicKey, sig })).toBe(REFUSED);
  });

  test.each<[string, unknown]>([
    ["a throw", () => Promise.reject(new Error("no database"))],
    ["true", () => true],
    ["null", () => null],
    ["an account that does not exist", () => ({ account: "NOPE" })],
    ["an unknown key", () => ({ admin: true })],
    ["permissions of another form", () => ({ permissions: { publish: ["a"] } })],
    ["permissions with an invalid subject", () => ({ permissions: { publish: { deny: ["a..b"] } } })],
    ["an expiry that is no number", () => ({ expiresAtMs: "tomorrow" })],
    ["a user that is no text", () => ({ user: 1 })],
  ])("fails closed on %s", async (_, authenticate) => {
    const broker = await start({ authenticate: authenticate as () => AdmittedClient });
    const errors: unknown[] = [];
    broker.on("error", (event) => errors.push(event));
    expect(await answer(broker, { user: "ann" })).toBe(REFUSED);
    expect(errors.length).toBe(_ === "a throw" ? 1 : 0);
  });

  test("refuses a client when it does not answer in time, and ends a connection when its time is over", async () => {
    const clock = new VirtualClock();
    let expiresAtMs: number | undefined;
    const authenticate = () =>
      expiresAtMs === undefined ? new Promise<undefined>(() => {}) : { expiresAtMs };
    const broker = await start({ authenticate }, { clock, authorization: { timeoutMs: 1_000 } });
    const hanging = broker.connectInProcess();
    let received = "";
    hanging.on("data", (chunk) => (received += chunk));
    hanging.write("CONNECT {}\r\n");
    await clock.advanceAsync(1_500);
    await expect.poll(() => received).toContain(REFUSED);
    expiresAtMs = clock.nowMs() + 5_000;
    const short = broker.connectInProcess();
    let text = "";
    short.on("data", (chunk) => (text += chunk));
    short.write("CONNECT {}\r\nPING\r\n");
    await expect.poll(() => text).toContain("PONG");
    await clock.advanceAsync(6_000);
    await expect.poll(() => text).toContain("User Authentication Expired");
  });

  test("excludes users, and must be a function", async () => {
    const authenticate = () => ({});
    await expect(startBroker({ hooks: { authenticate }, authorization: { token: "t" } })).rejects.toThrow(
      "hooks.authenticate decides alone",
    );
    await expect(startBroker({ hooks: { authenticate: 1, nope: 2 } as never })).rejects.toThrow(
      'hooks.authenticate must be a function; unknown hook "nope"',
    );
  });
});

describe("hooks.authorizePublish and authorizeSubscribe", () => {
  test("are asked for every message and subscription, also of clients that send no CONNECT", async () => {
    const asked: string[] = [];
    const broker = await start({
      authorizePublish: (subject, { id }) => {
        asked.push(`pub ${subject} ${id}`);
        return subject !== "secret";
      },
      authorizeSubscribe: (filter, queue, { name }) => {
        asked.push(`sub ${filter} ${queue} ${name}`);
        return !filter.startsWith("secret");
      },
    });
    const client = await open(broker);
    client.send("SUB a q 1\r\nSUB secret.> 2\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\nPUB secret 0\r\n\r\nPING\r\n");
    await client.until(/PONG/);
    expect(asked).toEqual(["sub a q ", "sub secret.> undefined ", "pub a 1", "pub a 1", "pub secret 1"]);
    expect(client.received.match(/MSG a 1 0/g)).toHaveLength(2);
    expect(client.received).toContain(`-ERR 'Permissions Violation for Subscription to "secret.>"'`);
    expect(client.received).toContain(`-ERR 'Permissions Violation for Publish to "secret"'`);
  });

  test.each<[string, () => unknown]>([
    ["a throw", () => expect.fail("hook")],
    ["a promise", async () => true],
    ["undefined", () => undefined],
  ])("fail closed on %s", async (_, hook) => {
    const broker = await start({
      authorizePublish: hook as () => boolean,
      authorizeSubscribe: hook as () => boolean,
    });
    const client = await open(broker);
    client.send("CONNECT {}\r\nSUB a 1\r\nPUB a 0\r\n\r\nPING\r\n");
    await client.until(/PONG/);
    expect(client.received).toContain('Permissions Violation for Subscription to "a"');
    expect(client.received).toContain('Permissions Violation for Publish to "a"');
  });

  test("come beside permissions, and may think otherwise later", async () => {
    let isOpen = true;
    const broker = await start({
      authenticate: () => ({ permissions: { publish: { allow: ["a"] } } }),
      authorizePublish: () => isOpen,
    });
    const client = await open(broker);
    client.send('CONNECT {"verbose":false}\r\nSUB > 1\r\nPUB a 1\r\n1\r\nPUB b 1\r\n2\r\nPING\r\n');
    await client.until(/PONG/);
    isOpen = false;
    client.send("PUB a 1\r\n3\r\nPING\r\n");
    await client.until(/PONG.*PONG/s);
    expect(client.received.match(/MSG [^\n]*\n\d/g)).toEqual(["MSG a 1 1\r\n1"]);
    expect(client.received.match(/Violation for Publish to "\w"/g)).toEqual([
      'Violation for Publish to "b"',
      'Violation for Publish to "a"',
    ]);
  });
});
