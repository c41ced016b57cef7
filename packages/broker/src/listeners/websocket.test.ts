import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:https";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, VirtualClock } from "@ganglion/kernel";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { CertificateAuthority } from "../../../../test/support/certificates.js";
import { type Broker, startBroker } from "../broker.js";
import type { BrokerOptions } from "../options.js";

async function start(
  websocket: BrokerOptions["websocket"] = {},
  options: BrokerOptions = {},
): Promise<Broker> {
  const broker = await startBroker({ ...options, websocket: { port: -1, noTls: true, ...websocket } });
  onTestFinished(() => broker.close());
  return broker;
}

/** A client that sends and receives bytes as they are. */
class RawWebSocket {
  received = "";
  messageCount = 0;
  readonly closed: Promise<readonly [number, string]>;

  constructor(readonly socket: WebSocket) {
    socket.on("message", (data: Buffer) => {
      this.messageCount++;
      this.received += data.toString("latin1");
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve([code, reason.toString()]));
    });
    socket.on("error", () => {}); // comes before close, which is what tests look at
    onTestFinished(() => socket.terminate());
  }

  static async open(
    url = "",
    options: ConstructorParameters<typeof WebSocket>[2] = {},
  ): Promise<RawWebSocket> {
    const socket = new WebSocket(url, options);
    const client = new RawWebSocket(socket);
    await once(socket, "open");
    return client;
  }

  async until(pattern: RegExp): Promise<void> {
    await expect.poll(() => this.received, { timeout: 5_000 }).toMatch(pattern);
  }

  info(): Record<string, unknown> {
    return JSON.parse(/INFO (.*) \r\n/.exec(this.received)?.[1] ?? "{}");
  }
}

const HANDSHAKE = [
  "GET /any/path?x=1 HTTP/1.1",
  "Host: h",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

/** Sends a request and gives back what the server says until it closes, or until `pattern` matches. */
async function exchange(
  url: string | undefined,
  bytes: string | Buffer,
  pattern = /\r\n\r\n/,
): Promise<string> {
  const { hostname, port } = new URL(url ?? "");
  const socket = connectSocket(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.on("error", () => {});
  const ended = once(socket, "close").then(() => true);
  socket.write(bytes);
  await Promise.race([ended, expect.poll(() => received, { timeout: 5_000 }).toMatch(pattern)]);
  return received;
}

function request(changes: Readonly<Record<string, string | undefined>>): string {
  const lines = HANDSHAKE.map((line) => {
    const name = line.startsWith("GET") ? "GET" : (line.split(":")[0] ?? "");
    return name in changes ? changes[name] : line;
  });
  const added = Object.entries(changes).filter(([name]) => !HANDSHAKE.some((line) => line.startsWith(name)));
  const all = [...lines, ...added.map(([, line]) => line)].filter((line) => line !== undefined);
  return `${all.join("\r\n")}\r\n\r\n`;
}

async function closedConnections(broker: Broker): Promise<readonly unknown[]> {
  const answer = await fetch(`${broker.monitoringUrl}/connz?state=closed`);
  return ((await answer.json()) as { connections: unknown[] }).connections;
}

/** A masked frame of a client. */
function frame(opcode: number, payload: string | Buffer, { masked = true, final = true } = {}): Buffer {
  const body = Buffer.from(payload);
  const head = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 255];
  head[0] = (head[0] ?? 0) | (masked ? 0x80 : 0);
  const key = masked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0);
  const data = masked ? body.map((byte, index) => byte ^ (key[index % 4] ?? 0)) : body;
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode, ...head]), key, data]);
}

test("serves wss and https, and takes users from certificates", async () => {
  const directory = mkdtempSync(join(tmpdir(), "websocket-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const authority = await CertificateAuthority.create(directory);
  const server = await authority.issueForLocalhost();
  const ann = await authority.issue({ subject: "CN=ann" });
  const tls = { ...server, caFile: authority.caFile, verify: true, verifyAndMap: true };
  const broker = await startBroker({
    websocket: { port: -1, tls },
    tls,
    httpsPort: -1,
    authorization: { users: [{ user: "CN=ann" }] },
  });
  onTestFinished(() => broker.close());
  const ca = readFileSync(authority.caFile);
  const certificate = { cert: readFileSync(ann.certFile), key: readFileSync(ann.keyFile) };
  expect(broker.websocketUrl).toMatch(/^wss:/);
  await expect(RawWebSocket.open(broker.websocketUrl, { ca })).rejects.toThrow();
  const client = await RawWebSocket.open(broker.websocketUrl, { ca, ...certificate });
  client.socket.send("CONNECT {}\r\nPING\r\n");
  await client.until(/PONG/);
  expect(client.info()).toMatchObject({ tls_required: true });
  const { connections } = await getJson(`${broker.monitoringUrl}/connz?auth=1`, ca);
  expect(connections).toMatchObject([
    {
      type: "websocket",
      authorized_user: "CN=ann",
      tls_version: "1.3",
      tls_cipher_suite: expect.stringMatching(/^TLS_/),
      tls_peer_certs: [{ subject: "CN=ann", cert_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    },
  ]);
});

function getJson(url: string, ca: Buffer): Promise<{ connections: unknown[] }> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve(JSON.parse(text)));
    }).on("error", reject);
  });
}

describe("the WebSocket listener", () => {
  test("serves any path, in text and binary frames, split anywhere, and delivers both ways", async () => {
    const lines: string[] = [];
    const logger = { ...silentLogger, info: (line: string) => lines.push(line) };
    const broker = await start({}, { logger });
    expect(broker.websocketUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    expect(lines).toContain(`Listening for websocket clients on ${broker.websocketUrl}`);
    const client = await RawWebSocket.open(`${broker.websocketUrl}/some/path`);
    await client.until(/^INFO .* \r\n/);
    const { port } = new URL(broker.websocketUrl ?? "");
    expect(client.info()).toMatchObject({
      port: Number(port),
      client_ip: "127.0.0.1",
      server_id: broker.serverId,
    });
    for (const byte of 'CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 5\r\nhel') client.socket.send(byte);
    client.socket.send(Buffer.from("lo\r\nPING\r\n"));
    await client.until(/MSG a 1 5\r\nhello\r\nPONG\r\n/);
    client.socket.close(1000);
    await client.closed;
    await expect.poll(() => broker.statistics().connections).toBe(0);
  });

  test("tells why it closes", async () => {
    const broker = await start({}, { maxPayloadBytes: 100 });
    const unknown = await RawWebSocket.open(broker.websocketUrl);
    unknown.socket.send("NOPE\r\n");
    expect(await unknown.closed).toEqual([1002, "Protocol Violation"]);
    const tooLarge = await RawWebSocket.open(broker.websocketUrl);
    tooLarge.socket.send("CONNECT {}\r\nPUB a 101\r\n");
    expect(await tooLarge.closed).toEqual([1009, "Maximum Message Payload Exceeded"]);
    const served = await RawWebSocket.open(broker.websocketUrl);
    await Promise.all([
      broker.close(),
      served.closed.then((end) => expect(end).toEqual([1001, "Server Shutdown"])),
    ]);
  });

  test.each<[string, number, Record<string, string | undefined>]>([
    ["another method", 405, { GET: "POST /x HTTP/1.1" }],
    ["no upgrade", 400, { Upgrade: undefined }],
    ["another upgrade", 400, { Upgrade: "Upgrade: h2c" }],
    ["no Connection", 400, { Connection: undefined }],
    ["no key", 400, { "Sec-WebSocket-Key": undefined }],
    ["a short key", 400, { "Sec-WebSocket-Key": "Sec-WebSocket-Key: YWJj" }],
    ["another version", 400, { "Sec-WebSocket-Version": "Sec-WebSocket-Version: 8" }],
    ["a leaf node", 404, { GET: "GET /leafnode HTTP/1.1" }],
    ["mqtt", 404, { GET: "GET /mqtt?x HTTP/1.1" }],
  ])("refuses %s with %d", async (_, status, changes) => {
    const broker = await start();
    expect(await exchange(broker.websocketUrl, request(changes))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test.each<[string, Buffer]>([
    ["an unmasked frame", frame(2, "PING\r\n", { masked: false })],
    ["an unknown opcode", frame(3, "x")],
    ["a continuation of nothing", frame(0, "x")],
    ["a fragmented ping", frame(9, "x", { final: false })],
    ["compression that was not agreed", Buffer.from([0xc2, 0x81, 1, 2, 3, 4, 5])],
    [
      "a length beyond all limits",

      Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]),
    ],
  ])("closes on %s, and serves others", async (_, bytes) => {
    const broker = await start({}, { httpPort: -1 });
    const answer = await exchange(
      broker.websocketUrl,
      Buffer.concat([Buffer.from(request({})), bytes]),
      /\x88.*/s,
    );
    const status = Buffer.from(answer, "latin1").subarray(-200).toString("latin1");
    expect(status).toMatch(/\x88/);
    await expect.poll(() => broker.statistics().connections).toBe(0);
    const closed = await closedConnections(broker);
    expect(closed[0]).toMatchObject({
      type: "websocket",
      reason: expect.stringMatching(/^(Protocol Violation|Maximum Message Payload Exceeded)$/),
    });
    const other = await RawWebSocket.open(broker.websocketUrl);
    other.socket.send("PING\r\n");
    await other.until(/PONG/);
  });

  test("same_origin and allowed_origins keep foreign pages out, and let clients without an origin in", async () => {
    const status = async (broker: Broker, origin?: string) => {
      const changes = { Host: "Host: shop.example:8080", ...(origin && { Origin: `Origin: ${origin}` }) };
      return /^HTTP\/1.1 (\d+)/.exec(await exchange(broker.websocketUrl, request(changes)))?.[1];
    };
    const same = await start({ sameOrigin: true });
    expect(await status(same, "http://shop.example:8080")).toBe("101");
    expect(await status(same, "https://shop.example:8080")).toBe("403");
    expect(await status(same, "http://shop.example")).toBe("403");
    expect(await status(same)).toBe("101");
    const listed = await start({ allowedOrigins: ["https://a.example", "http://b.example:81"] });
    expect(await status(listed, "https://A.example:443")).toBe("101");
    expect(await status(listed, "http://b.example:81")).toBe("101");
    expect(await status(listed, "http://a.example")).toBe("403");
    expect(await status(listed, "null")).toBe("403");
  });

  test("compresses when both sides want it, and not what is small", async () => {
    const broker = await start({ compression: true });
    const plain = await RawWebSocket.open(broker.websocketUrl, { perMessageDeflate: false });
    expect(plain.socket.extensions).toBe("");
    const client = await RawWebSocket.open(broker.websocketUrl, { perMessageDeflate: { threshold: 0 } });
    expect(client.socket.extensions).toBe("permessage-deflate");
    const payload = "x".repeat(500_000);
    client.socket.send(`CONNECT {}\r\nSUB a 1\r\nPUB a ${payload.length}\r\n${payload}\r\n`);
    await client.until(/MSG a 1 500000\r\nx+\r\n$/);
    const off = await start({ compression: false });
    const refused = await RawWebSocket.open(off.websocketUrl, { perMessageDeflate: true });
    expect(refused.socket.extensions).toBe("");
  });

  test("a deflate bomb ends its connection, not the broker", async () => {
    const broker = await start({ compression: true }, { maxPayloadBytes: 100_000 });
    const before = process.memoryUsage().rss;
    const bombs = await Promise.all(
      Array.from({ length: 5 }, () =>
        RawWebSocket.open(broker.websocketUrl, { perMessageDeflate: { threshold: 0 } }),
      ),
    );
    const bomb = Buffer.alloc(50_000_000, "PING\r\n");
    for (const { socket } of bombs) socket.send(bomb);
    for (const { closed } of bombs) expect((await closed)[0]).toBe(1009);
    expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000);
    const other = await RawWebSocket.open(broker.websocketUrl);
    other.socket.send("PING\r\n");
    await other.until(/PONG/);
  });

  test("reads little of a client that has not shown who it is", async () => {
    const broker = await start({}, { authorization: { token: "t" } });
    const flood = await RawWebSocket.open(broker.websocketUrl);
    flood.socket.send(Buffer.alloc(10_000_000, "x"), { fin: false });
    expect((await flood.closed)[0]).toBe(1006);
    await expect.poll(() => broker.statistics().connections).toBe(0);
  });

  test("cookies stand in for what CONNECT leaves out", async () => {
    const users = await start(
      { userCookie: "u", passwordCookie: "p" },
      { authorization: { user: "ann", pass: "secret=1" } },
    );
    const withCookies = (cookie: string) => RawWebSocket.open(users.websocketUrl, { headers: { cookie } });
    const ann = await withCookies('x=1; u=ann; p="secret=1"');
    ann.socket.send("CONNECT {}\r\nPING\r\n");
    await ann.until(/PONG/);
    const explicit = await withCookies("u=ann; p=secret=1");
    explicit.socket.send('CONNECT {"pass":"other"}\r\nPING\r\n');
    await explicit.until(/Authorization Violation/);
    expect((await explicit.closed)[0]).toBe(1008);
    const token = await start({ tokenCookie: "t" }, { authorization: { token: "hush" } });
    const client = await RawWebSocket.open(token.websocketUrl, { headers: { cookie: "t=hush" } });
    client.socket.send("CONNECT {}\r\nPING\r\n");
    await client.until(/PONG/);
  });

  test("has its own authentication timeout, ping interval, headers and advertised address", async () => {
    const clock = new VirtualClock();
    const broker = await start(
      {
        authorization: { token: "t", timeoutMs: 500 },
        headers: new Map([["X-Served-By", "here"]]),
        advertise: "ws.example",
        pingIntervalMs: 100,
      },
      { clock, maxPingsOut: 100 },
    );
    const { port } = new URL(broker.websocketUrl ?? "");
    const client = await RawWebSocket.open(broker.websocketUrl);
    await client.until(/INFO/);
    expect(client.info()).toMatchObject({ connect_urls: [`ws.example:${port}`], auth_required: true });
    expect(await exchange(broker.websocketUrl, request({}))).toContain("X-Served-By: here");
    await clock.advanceAsync(600);
    await client.until(/Authentication Timeout/);
    expect((await client.closed)[0]).toBe(1008);
    const known = await RawWebSocket.open(broker.websocketUrl);
    known.socket.send('CONNECT {"auth_token":"t"}\r\nPING\r\n');
    await known.until(/PONG/);
    await clock.advanceAsync(250);
    await known.until(/PING/);
  });

  test("trusts a proxy for the address of the client", async () => {
    const broker = await start();
    const client = await RawWebSocket.open(broker.websocketUrl, {
      headers: { "x-forwarded-for": "192.0.2.7" },
    });
    await client.until(/INFO/);
    expect(client.info()).toMatchObject({ client_ip: "192.0.2.7" });
    const odd = await RawWebSocket.open(broker.websocketUrl, { headers: { "x-forwarded-for": "nonsense" } });
    await odd.until(/INFO/);
    expect(odd.info()).toMatchObject({ client_ip: "127.0.0.1" });
  });

  test("cuts a client off that does not finish its handshake", async () => {
    const broker = await start({ handshakeTimeoutMs: 50 });
    const answer = await exchange(broker.websocketUrl, "GET / HTTP/1.1\r\nHost: h\r\n", /408/);
    expect(answer).toMatch(/^HTTP\/1.1 408|^$/);
  });

  test("a client that does not read is closed as a slow consumer", async () => {
    const broker = await start({}, { maxPendingBytes: 1_100_000, httpPort: -1 });
    const slow = await RawWebSocket.open(broker.websocketUrl);
    slow.socket.send('CONNECT {"name":"slow"}\r\nSUB a 1\r\nPING\r\n');
    await slow.until(/PONG/);
    slow.socket.pause();
    const fast = broker.connectInProcess();
    fast.resume();
    const block = Buffer.from(`PUB a 100000\r\n${"x".repeat(100_000)}\r\n`.repeat(10));
    fast.write('CONNECT {"echo":false}\r\n');
    for (let sent = 0; sent < 200 && broker.statistics().slowConsumers === 0; sent++) {
      await new Promise((resolve) => fast.write(block, resolve));
    }
    await expect.poll(() => broker.statistics().slowConsumers).toBe(1);
    const closed = await closedConnections(broker);
    expect(closed).toMatchObject([{ name: "slow", reason: "Slow Consumer (Pending Bytes)" }]);
  });
});
