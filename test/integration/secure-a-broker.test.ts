import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Broker, loadBrokerConfig, startBroker } from "@ganglion/broker";
import { nkeys } from "@nats-io/nats-core";
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
} from "nats";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CertificateAuthority } from "../support/certificates.js";
import { JwtWorld } from "../support/jwt-world.js";

const PAGE = readFileSync(new URL("../../docs/how-to/secure-a-broker.md", import.meta.url), "utf8");
const SNIPPETS = new Map(
  [...PAGE.matchAll(/^```conf file=(\S+)\n(.*?)^```$/gms)].map(([, name = "", text = ""]) => [name, text]),
);

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-secure-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Starts a broker with a snippet of the page. @param replaced - what stands on the page, and what stands for it here. */
async function startWith(snippet: string, replaced: Readonly<Record<string, string>> = {}): Promise<Broker> {
  let text = SNIPPETS.get(snippet) ?? "";
  expect(text, `the page has no snippet ${snippet}`).not.toBe("");
  for (const [from, to] of Object.entries(replaced)) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  const file = join(directory, snippet);
  writeFileSync(file, text);
  const { config, warnings } = loadBrokerConfig(file, {
    readFile: (path) => readFileSync(path, "utf8"),
    env: {},
  });
  expect(warnings).toEqual([]);
  return startBroker(config);
}

function enter(broker: Broker, options: ConnectionOptions = {}): Promise<NatsConnection> {
  return connect({ servers: broker.url, reconnect: false, maxReconnectAttempts: 0, ...options });
}

async function refuses(broker: Broker, options: ConnectionOptions = {}): Promise<void> {
  await expect(enter(broker, options)).rejects.toMatchObject({ code: "AUTHORIZATION_VIOLATION" });
}

it("a token lets in who knows it", async () => {
  await using broker = await startWith("token.conf");
  await (await enter(broker, { token: "s3cr3t" })).close();
  await refuses(broker, { token: "guess" });
  await refuses(broker);
});

it("users may what their permissions say", async () => {
  await using broker = await startWith("users.conf");
  await refuses(broker, { user: "orders", pass: "guess" });
  const payments = await enter(broker, { user: "payments", pass: "pl41n" });
  payments.subscribe("payments.pay", { callback: (_, msg) => void msg.respond("paid") });
  await payments.flush();
  const orders = await enter(broker, { user: "orders", pass: "s3cr3t" });
  expect((await orders.request("payments.pay")).string()).toBe("paid");
  const violation = new Promise<string>((resolve) => {
    void (async () => {
      for await (const { type, data } of orders.status()) if (type === "error") resolve(String(data));
    })();
  });
  orders.publish("orders.new");
  expect(await violation).toBe("PERMISSIONS_VIOLATION");
  await Promise.all([orders.close(), payments.close()]);
});

it("nkeys let in who can sign", async () => {
  const [, key = ""] = /nkey: (U\w+)/.exec(PAGE) ?? [];
  const [user, stranger] = [nkeys.createUser(), nkeys.createUser()];
  await using broker = await startWith("nkeys.conf", { [key]: user.getPublicKey() });
  await (await enter(broker, { authenticator: nkeyAuthenticator(user.getSeed()) })).close();
  await refuses(broker, { authenticator: nkeyAuthenticator(stranger.getSeed()) });
});

it("accounts share what they export and import, and nothing else", async () => {
  await using broker = await startWith("accounts.conf");
  const shop = await enter(broker, { user: "shop", pass: "sh0p" });
  const bank = await enter(broker, { user: "bank", pass: "b4nk" });
  const admin = await enter(broker, { user: "admin", pass: "4dm1n" });
  bank.subscribe("bank.pay", { callback: (_, msg) => void msg.respond("paid") });
  const news = new Promise<string>((resolve) => {
    shop.subscribe("news", { callback: (_, msg) => resolve(msg.string()) });
  });
  await Promise.all([shop.flush(), bank.flush()]);
  expect((await shop.request("bank.pay")).string()).toBe("paid");
  bank.publish("bank.news", "hello");
  expect(await news).toBe("hello");
  await expect(admin.request("bank.pay")).rejects.toMatchObject({ code: "503" });
  expect((await admin.request("$SYS.REQ.SERVER.PING")).json()).toHaveProperty("statsz");
  await Promise.all([shop, bank, admin].map((connection) => connection.close()));
});

it("JWTs let in users whom the operator's accounts have signed", async () => {
  const world = await JwtWorld.create();
  const account = await world.account("shop");
  const operator = join(directory, "operator.jwt");
  writeFileSync(operator, world.operatorToken);
  await using broker = await startWith("jwt.conf", {
    "/etc/broker/operator.jwt": operator,
    "/var/lib/broker/jwt": join(directory, "jwt"),
    ACCOUNT_KEY: world.systemAccount.publicKey,
    ACCOUNT_JWT: world.systemAccount.token,
  });
  const { creds } = await account.user("ann");
  await refuses(broker, { authenticator: credsAuthenticator(creds) });
  const { creds: adminCreds } = await world.systemAccount.user("admin");
  const admin = await enter(broker, { authenticator: credsAuthenticator(adminCreds) });
  await admin.request("$SYS.REQ.CLAIMS.UPDATE", account.token);
  await (await enter(broker, { authenticator: credsAuthenticator(creds) })).close();
  await admin.close();
});

it("TLS is asked for, and certificates stand for users", async () => {
  const authority = await CertificateAuthority.create(directory);
  const server = await authority.issue({
    subject: "CN=server",
    alternatives: [{ type: "dns", value: "localhost" }],
  });
  const files = {
    "/etc/broker/server-cert.pem": server.certFile,
    "/etc/broker/server-key.pem": server.keyFile,
  };
  {
    await using broker = await startWith("tls.conf", files);
    await (await enter(broker, { tls: { caFile: authority.caFile } })).close();
    await expect(enter(broker, { tls: {} })).rejects.toThrow();
  }
  await using broker = await startWith("mutual-tls.conf", {
    ...files,
    "/etc/broker/ca.pem": authority.caFile,
  });
  const client = await authority.issue({
    subject: "CN=orders",
    alternatives: [{ type: "dns", value: "orders.example.com" }],
  });
  const stranger = await authority.issue({ subject: "CN=nobody" });
  const tls = ({ certFile, keyFile }: typeof client) => ({
    tls: { caFile: authority.caFile, certFile, keyFile },
  });
  await (await enter(broker, tls(client))).close();
  await refuses(broker, tls(stranger));
});

it("every snippet of the page is tried", () => {
  expect([...SNIPPETS.keys()]).toEqual([
    "token.conf",
    "users.conf",
    "nkeys.conf",
    "accounts.conf",
    "jwt.conf",
    "tls.conf",
    "mutual-tls.conf",
  ]);
});
