import { VirtualClock } from "@ganglion/kernel";
import { expect, onTestFinished, test } from "vitest";
import { RawClient } from "../../../../test/support/raw-client.js";
import { type Broker, startBroker } from "../broker.js";
import type { BrokerOptions } from "../options.js";

const CONNECT = { verbose: false, pedantic: false, protocol: 1, headers: true, no_responders: true };

async function start(options: BrokerOptions): Promise<Broker> {
  const broker = await startBroker(options);
  onTestFinished(() => broker.close());
  return broker;
}

async function enter(broker: Broker, user: string): Promise<RawClient> {
  const client = await RawClient.open(broker.url);
  onTestFinished(() => client.close());
  client.send(`CONNECT ${JSON.stringify({ ...CONNECT, user, pass: "pw" })}\r\n`);
  await client.sync();
  return client;
}

test("a request through an import that nobody serves is answered with 503", async () => {
  // nats-server 2.9 leaves it without an answer; newer ones do as is done here.
  const broker = await start({
    accounts: [
      { name: "A", exports: [{ kind: "service", subject: "svc" }] },
      {
        name: "B",
        users: [{ user: "b", password: "pw" }],
        imports: [{ kind: "service", account: "A", subject: "svc", to: "svc", share: false }],
      },
    ],
  });
  const client = await enter(broker, "b");
  client.send("SUB inbox 1\r\nPUB svc inbox 0\r\n\r\n");
  await client.sync();
  expect(client.received).toMatch(/HMSG inbox 1 \d+ \d+\r\nNATS\/1\.0 503\r\n/);
});

test("links of accounts that do not fit are refused", async () => {
  const imports = [{ kind: "stream", account: "A", subject: "foo" }] as const;
  await expect(startBroker({ accounts: [{ name: "A" }, { name: "B", imports }] })).rejects.toMatchObject({
    code: "INVALID_BROKER_OPTIONS",
    message: expect.stringMatching(/stream "foo" of account "A": it is not exported to "B"/),
  });
});

test("permissions that are taken away hold for a subject that is published to all the time", async () => {
  const users = (publish: string) => ({
    authorization: { users: [{ user: "u", password: "pw", permissions: { publish: { allow: [publish] } } }] },
  });
  const broker = await start(users("foo"));
  const client = await enter(broker, "u");
  client.send("SUB foo 1\r\nPUB foo 1\r\na\r\nPUB foo 1\r\nb\r\n");
  await client.sync();
  await broker.reload(users("bar"));
  client.send("PUB foo 1\r\nc\r\nPUB bar 1\r\nd\r\n");
  await client.sync();
  expect(client.received).toMatch(/\r\nb\r\n.*-ERR 'Permissions Violation for Publish to "foo"'\r\nPONG/s);
  expect(client.received).not.toMatch(/\r\nc\r\n/);
});

test("a deny that comes up is kept from subscriptions that are there", async () => {
  const users = (deny: readonly string[]) => ({
    authorization: {
      users: [
        { user: "u", password: "pw", permissions: { subscribe: { deny } } },
        { user: "all", password: "pw" },
      ],
    },
  });
  const broker = await start(users(["x"]));
  const client = await enter(broker, "u");
  const other = await enter(broker, "all");
  const publish = async (text: string) => {
    other.send(`PUB foo.secret 1\r\n${text}\r\n`);
    await other.sync();
    await client.sync();
  };
  client.send("SUB foo.* 1\r\n");
  await client.sync();
  await publish("1");
  await broker.reload(users(["foo.secret"]));
  await publish("2");
  expect(client.received).toMatch(/\r\n1\r\n/);
  expect(client.received).not.toMatch(/\r\n2\r\n/);
});

test("a mapping that comes up holds for a subject that is published to all the time", async () => {
  const broker = await start({});
  const client = await enter(broker, "");
  client.send("SUB > 1\r\nPUB foo 1\r\na\r\nPUB foo 1\r\nb\r\n");
  await client.sync();
  await broker.reload({ mappings: [{ source: "foo", destinations: [{ subject: "bar", weight: 100 }] }] });
  client.send("PUB foo 1\r\nc\r\n");
  await client.sync();
  expect(client.received).toMatch(/MSG foo 1 1\r\nb\r\n.*MSG bar 1 1\r\nc\r\n/s);
});

test("what a client sends waits until it is decided whether it may come in, and its order stays", async () => {
  const hash = "$2a$04$7OmaB0b4.3cRHNCmCj1bGOu1VAnGV2aY74OQ68tpvxxr9thcX5s/y";
  const broker = await start({ authorization: { users: [{ user: "u", password: hash }] } });
  const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(broker.url)));
  for (const [i, client] of clients.entries()) {
    onTestFinished(() => client.close());
    const pass = i % 2 === 0 ? "s3cret" : "wrong";
    client.send(
      `CONNECT ${JSON.stringify({ ...CONNECT, user: "u", pass, verbose: true })}\r\nSUB a.${i} 1\r\n`,
    );
    client.send(`PUB a.${i} 1\r\nx\r\nPING\r\n`);
  }
  await Promise.all(clients.map((client, i) => (i % 2 === 0 ? client.until(/PONG\r\n/) : client.closed())));
  for (const [i, client] of clients.entries()) {
    const expected =
      i % 2 === 0
        ? `+OK\r\n+OK\r\n+OK\r\nMSG a.${i} 1 1\r\nx\r\nPONG\r\n`
        : "-ERR 'Authorization Violation'\r\n";
    expect(client.received.replace(/^INFO.*\r\n/gm, "")).toBe(expected);
  }
  expect(broker.statistics().connections).toBe(10);
});

test("connections end in time when nobody shows credentials, and the timer ends with them", async () => {
  const clock = new VirtualClock();
  const broker = await start({ clock, authorization: { token: "t", timeoutMs: 700 } });
  const late = await RawClient.open(broker.url);
  const gone = await RawClient.open(broker.url);
  gone.close();
  onTestFinished(() => late.close());
  clock.advance(699);
  expect(late.isClosed).toBe(false);
  clock.advance(1);
  await late.closed();
  expect(late.received).toMatch(/-ERR 'Authentication Timeout'\r\n$/);
});
