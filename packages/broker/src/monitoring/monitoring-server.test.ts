import { describe, expect, onTestFinished, test } from "vitest";
import { RawClient } from "../../../../test/support/raw-client.js";
import { type Broker, startBroker } from "../broker.js";
import type { BrokerOptions } from "../options.js";

async function start(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await startBroker({ httpPort: -1, ...options });
  onTestFinished(() => broker.close());
  return broker;
}

async function client(broker: Broker, name: string): Promise<RawClient> {
  const raw = await RawClient.open(broker.url);
  onTestFinished(() => raw.close());
  raw.send(`CONNECT {"name":"${name}","verbose":false,"pedantic":false}\r\nPING\r\n`);
  await raw.until(/PONG/);
  return raw;
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of many shapes
async function json(broker: Broker, path: string): Promise<any> {
  return (await fetch(`${broker.monitoringUrl}${path}`)).json();
}

async function names(broker: Broker, query: string): Promise<string[]> {
  const { connections } = await json(broker, `/connz?${query}`);
  return connections.map(({ name }: { name: string }) => name);
}

describe("the monitoring server", () => {
  test("listens only when a port is given, and stops with the broker", async () => {
    const without = await startBroker();
    expect(without.monitoringUrl).toBeUndefined();
    await without.close();
    const broker = await startBroker({ httpPort: -1 });
    const url = `${broker.monitoringUrl}/varz`;
    expect((await fetch(url)).status).toBe(200);
    await expect(startBroker({ httpPort: Number(new URL(url).port) })).rejects.toMatchObject({
      code: "LISTEN_FAILED",
      retryable: true,
    });
    await broker.close();
    await expect(fetch(url)).rejects.toThrow();
  });

  test("answers below its base path, lists its pages there, and counts what it is asked", async () => {
    const broker = await start({ httpBasePath: "nats/" });
    const root = await fetch(`${broker.monitoringUrl}/nats/`);
    const page = await root.text();
    expect(root.headers.get("content-type")).toContain("text/html");
    for (const [, link = ""] of page.matchAll(/href="([^"]+)"/g)) {
      expect((await fetch(`${broker.monitoringUrl}${link}`)).status).toBe(
        link.endsWith("/raftz") ? 404 : 200,
      );
    }
    expect((await fetch(`${broker.monitoringUrl}/varz`)).status).toBe(404);
    const { http_req_stats, http_base_path } = await json(broker, "/nats/varz");
    expect(http_req_stats).toMatchObject({ "/": 1, "/varz": 2, "/connz": 1 });
    expect(http_base_path).toBe("nats/");
  });

  test("lets any site read JSON, and takes no script as a callback", async () => {
    const broker = await start();
    const answer = await fetch(`${broker.monitoringUrl}/connz`);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    const script = await fetch(`${broker.monitoringUrl}/connz?callback=alert(1);f`);
    expect([script.status, await script.text()]).toEqual([400, "callback must be the name of a function"]);
  });

  test("/connz sorts, pages and picks, and keeps what was closed with its reason", async () => {
    const broker = await start({ maxClosedClients: 2 });
    const [a, b] = [await client(broker, "a"), await client(broker, "b"), await client(broker, "c")];
    a.send("SUB x.* 1\r\nSUB y q 2\r\nPUB x 0\r\n\r\nPING\r\n");
    b.send("SUB x.1 1\r\nPUB x.1 100\r\n".concat("x".repeat(100), "\r\nPUB x.1 0\r\n\r\nPING\r\n"));
    await Promise.all([a.until(/PONG.*PONG/s), b.until(/PONG.*PONG/s)]);
    expect(await names(broker, "")).toEqual(["a", "b", "c"]);
    expect(await names(broker, "sort=subs")).toEqual(["a", "b", "c"]);
    expect(await names(broker, "sort=msgs_from")).toEqual(["b", "a", "c"]);
    expect((await names(broker, "sort=bytes_to")).at(-1)).toBe("c");
    expect(await names(broker, "limit=1&offset=1")).toEqual(["b"]);
    expect(await names(broker, "cid=3")).toEqual(["c"]);
    expect(await names(broker, "acc=NOPE")).toEqual([]);
    const { connections } = await json(broker, "/connz?subs=1&cid=1");
    expect(connections[0]).toMatchObject({
      subscriptions: 2,
      subscriptions_list: ["x.*", "y"],
      kind: "Client",
    });

    for (const raw of [a, b]) raw.close();
    await expect.poll(() => names(broker, "")).toEqual(["c"]);
    const bad = await client(broker, "bad");
    bad.send("NOPE\r\n");
    await bad.closed();
    await expect.poll(() => names(broker, "state=closed&sort=stop")).toEqual(["bad", "b"]);
    const closed = (await json(broker, "/connz?state=closed&sort=reason&subs=detail")).connections;
    expect(closed.map(({ reason }: { reason: string }) => reason)).toEqual([
      "Client Closed",
      "Protocol Violation",
    ]);
    expect(closed[0].subscriptions_list_detail).toEqual([{ subject: "x.1", sid: "1", msgs: 2, cid: 2 }]);
    expect(await names(broker, "state=all")).toEqual(["b", "c", "bad"]);
  });

  test("/connz tells users when asked, and never a token", async () => {
    const users = await start({ authorization: { user: "ann", pass: "secret" } });
    const ann = await RawClient.open(users.url);
    onTestFinished(() => ann.close());
    ann.send('CONNECT {"user":"ann","pass":"secret","name":"x"}\r\nPING\r\n');
    await ann.until(/PONG/);
    expect((await json(users, "/connz?auth=1&acc=$G&user=ann")).connections).toMatchObject([
      { authorized_user: "ann" },
    ]);
    expect(await names(users, "user=bob")).toEqual([]);
    expect((await json(users, "/connz")).connections[0]).not.toHaveProperty("authorized_user");

    const token = await start({ authorization: { token: "hush" } });
    const raw = await RawClient.open(token.url);
    onTestFinished(() => raw.close());
    raw.send('CONNECT {"auth_token":"hush"}\r\nPING\r\n');
    await raw.until(/PONG/);
    expect(JSON.stringify(await json(token, "/connz?auth=1"))).not.toContain("hush");
  });

  test("/subsz lists the subscriptions a subject reaches", async () => {
    const broker = await start();
    const a = await client(broker, "a");
    a.send("SUB x.* 1\r\nSUB x.1 q 2\r\nSUB y 3\r\nPING\r\n");
    await a.until(/PONG.*PONG/s);
    const { subscriptions_list, total, num_inserts } = await json(broker, "/subsz?subs=1&test=x.1");
    expect(total).toBe(2);
    expect(num_inserts).toBeGreaterThanOrEqual(3);
    expect(subscriptions_list).toEqual([
      { account: "$G", subject: "x.*", sid: "1", msgs: 0, cid: 1 },
      { account: "$G", subject: "x.1", qgroup: "q", sid: "2", msgs: 0, cid: 1 },
    ]);
  });

  test("/healthz tells what is missing", async () => {
    const broker = await start({ jetstream: true });
    const health = async (query: string) => {
      const answer = await fetch(`${broker.monitoringUrl}/healthz?${query}`);
      return [answer.status, await answer.json()];
    };
    expect(await health("")).toEqual([200, { status: "ok" }]);
    expect(await health("stream=S")).toMatchObject([400, { status: "error" }]);
    expect(await health("account=$G&consumer=C")).toMatchObject([400, { status: "error" }]);
    expect(await health("account=NOPE")).toEqual([
      404,
      { status: "unavailable", error: 'JetStream account "NOPE" not found' },
    ]);
    expect(await health("account=$G&stream=S&details=1")).toEqual([
      404,
      {
        status: "error",
        errors: [
          {
            type: "STREAM",
            account: "$G",
            stream: "S",
            error: 'JetStream stream "S" not found on account "$G"',
          },
        ],
      },
    ]);
    expect(await health("account=$G&stream=S&js-server-only=1")).toEqual([200, { status: "ok" }]);
  });
});
