import { gunzipSync } from "node:zlib";
import { brokerAvailability, startTestBroker, type TestBroker, type TestBrokerKind } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, headers, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ShapeDifference, shapeDifferences, shapeOf } from "./monitoring/json-shape.js";

const CONFIG = `
server_name: one
accounts {
  SYS { users [{user: sys, password: s}] }
  A { users [{user: a, password: a, permissions: {publish: ">"}}], jetstream: enabled }
}
system_account: SYS
`;

const SERVER = [
  "STATSZ",
  "VARZ",
  "SUBSZ",
  "CONNZ",
  "ROUTEZ",
  "GATEWAYZ",
  "LEAFZ",
  "ACCOUNTZ",
  "JSZ",
  "HEALTHZ",
];
const ACCOUNT = ["SUBSZ", "CONNZ", "LEAFZ", "INFO", "CONNS", "STATZ"];
const OWN = ["$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.STATZ"];

/** Differences from 2.9.10. "Newer" keys are those nats-server has today. */
const EXPLANATIONS: readonly { readonly path: RegExp; readonly theirs?: string; readonly reason: string }[] =
  [
    { path: /^(\.server)?\.flags$/, theirs: "absent", reason: "newer key of the server" },
    { path: /(^|\.)(name|num_subscriptions)$/, theirs: "absent", reason: "newer keys of account statistics" },
    {
      path: /^\.data\.((in|out)_client_(msgs|bytes)|stalled_clients|stale_connections|config_digest|(slow_consumer|stale_connection)_stats|server_name)/,
      theirs: "absent",
      reason: "newer keys of VARZ and ROUTEZ",
    },
    { path: /^\.statsz\.(sent_to|received_from)_clients/, theirs: "absent", reason: "newer keys of STATSZ" },
    {
      path: /jetstream\.(config|limits|stats\.api\.level)|(^\.data\.(limits|total|api\.level|config))/,
      reason: "JetStream's limits",
    },
    { path: /\.(leafs|connections)$/, theirs: "null", reason: "2.9 writes null for none" },
    {
      path: /^\.data\.(imports|subscriptions_list)/,
      reason: "nats-server's own services are imports, which show",
    },
    { path: /^\.client\.rtt$/, reason: "0 is left out, and 2.9 may not have measured it" },
  ];

function meant({ path, theirs }: ShapeDifference): boolean {
  return EXPLANATIONS.some(
    (one) => one.path.test(path) && (one.theirs === undefined || one.theirs === theirs),
  );
}

/** A broker whose system account was listened to while things happened. */
class WatchedBroker {
  /** Documents by subject, with the broker's id as `ID`. */
  readonly events = new Map<string, unknown>();

  private constructor(
    private readonly broker: TestBroker,
    private readonly system: NatsConnection,
    private readonly user: NatsConnection,
  ) {}

  static async start(kind: TestBrokerKind): Promise<WatchedBroker> {
    const broker = await startTestBroker({ kind, config: CONFIG });
    const system = await connect({ servers: broker.url, user: "sys", pass: "s" });
    const events = new Map<string, unknown>();
    const id = system.info?.server_id ?? "";
    system.subscribe("$SYS.>", {
      callback: (_, msg) => {
        if (!msg.subject.startsWith("$SYS.REQ.")) events.set(msg.subject.replace(id, "ID"), msg.json());
      },
    });
    await system.flush();
    const user = await connect({ servers: broker.url, user: "a", pass: "a", name: "me" });
    user.subscribe("foo");
    user.publish("foo", "hello");
    await user.flush();
    const gone = await connect({ servers: broker.url, user: "a", pass: "a" });
    await gone.close();
    await connect({ servers: broker.url, user: "a", pass: "wrong", maxReconnectAttempts: 0 }).catch(() => {});
    const watched = new WatchedBroker(broker, system, user);
    for (const [subject, document] of events) watched.events.set(subject, document);
    await watched.until(() => events.has("$SYS.SERVER.ID.STATSZ") && events.has("$SYS.ACCOUNT.A.DISCONNECT"));
    for (const [subject, document] of events) watched.events.set(subject, document);
    return watched;
  }

  get id(): string {
    return this.system.info?.server_id ?? "";
  }

  async ask(
    subject: string,
    options: { readonly as?: "user"; readonly payload?: string } = {},
  ): Promise<unknown> {
    const connection = options.as === "user" ? this.user : this.system;
    return (await connection.request(subject.replace("ID", this.id), options.payload)).json();
  }

  async close(): Promise<void> {
    const stopped = new Promise<unknown>((resolve) => {
      this.system.subscribe("$SYS.SERVER.*.SHUTDOWN", { callback: (_, msg) => resolve(msg.json()) });
    });
    await this.system.flush();
    const [shutdown] = await Promise.all([stopped, this.broker.close()]);
    this.events.set("$SYS.SERVER.ID.SHUTDOWN", shutdown);
    await Promise.all([this.system, this.user].map((connection) => connection.close()));
  }

  /** Events come in order: one request for each look. */
  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.system.flush();
  }
}

const absent = brokerAvailability("nats-server").reason;
if (absent !== undefined && process.env.CI === "true") {
  throw new Error(`nats-server must be available where CI=true: ${absent}`);
}
const suite = absent === undefined ? describe : describe.skip;

suite(`the system account tells what nats-server's tells${absent ? ` (${absent})` : ""}`, () => {
  let ours: WatchedBroker;
  let theirs: WatchedBroker;

  beforeAll(async () => {
    [ours, theirs] = await Promise.all([WatchedBroker.start("embedded"), WatchedBroker.start("nats-server")]);
  });
  afterAll(async () => {
    await Promise.all([ours.close(), theirs.close()]);
  });

  /** What differs though it should not. */
  function unexplained(own: unknown, reference: unknown): readonly ShapeDifference[] {
    const [a, b] = [own, reference].map((document) => shapeOf(document, new Set()));
    return shapeDifferences(a ?? {}, b ?? {}).filter((difference) => !meant(difference));
  }

  it.each([
    "$SYS.ACCOUNT.A.CONNECT",
    "$SYS.ACCOUNT.A.DISCONNECT",
    "$SYS.ACCOUNT.A.SERVER.CONNS",
    "$SYS.SERVER.ACCOUNT.A.CONNS",
    "$SYS.SERVER.ID.CLIENT.AUTH.ERR",
    "$SYS.SERVER.ID.STATSZ",
  ])("event %s", (subject) => {
    const [own, reference] = [ours.events.get(subject), theirs.events.get(subject)];
    expect(reference).toBeDefined();
    expect(unexplained(own, reference)).toEqual([]);
  });

  it.each([
    "$SYS.REQ.SERVER.PING",
    ...SERVER.flatMap((name) => [`$SYS.REQ.SERVER.ID.${name}`, `$SYS.REQ.SERVER.PING.${name}`]),
    ...ACCOUNT.map((name) => `$SYS.REQ.ACCOUNT.A.${name}`),
    "$SYS.REQ.ACCOUNT.PING.STATZ",
  ])("request %s", async (subject) => {
    const [own, reference] = await Promise.all([ours, theirs].map((broker) => broker.ask(subject)));
    expect(unexplained(own, reference)).toEqual([]);
  });

  it.each(OWN)("request %s of an account about itself", async (subject) => {
    const [own, reference] = await Promise.all(
      [ours, theirs].map((broker) => broker.ask(subject, { as: "user" })),
    );
    expect(unexplained(own, reference)).toEqual([]);
    const text = JSON.stringify(own);
    expect([text.includes('"acc":"A"') || text.includes('"name":"me"'), text.includes("SYS")]).toEqual([
      true,
      false,
    ]);
  });

  it.each([
    ["$SYS.REQ.SERVER.PING.VARZ", "{bad", 400],
    ["$SYS.REQ.SERVER.PING.STATSZ", "{bad", 400],
    ["$SYS.REQ.SERVER.PING.CONNZ", '{"limit": "many"}', 400],
    ["$SYS.REQ.SERVER.PING.CONNZ", '{"sort": "bad"}', 500],
    ["$SYS.REQ.ACCOUNT.NOPE.INFO", "", 500],
  ])("request %s with %s is refused with %i", async (subject, payload, code) => {
    const answers = await Promise.all([ours, theirs].map((broker) => broker.ask(subject, { payload })));
    expect(answers).toMatchObject([{ error: { code } }, { error: { code } }]);
  });
});

describeBrokers("the system account", (start, kind) => {
  it("tells when the broker stops, and numbers what it tells", async () => {
    const broker = await start({ config: CONFIG });
    const system = await connect({ servers: broker.url, user: "sys", pass: "s", reconnect: false });
    const stopped = new Promise<{ seq: number; name: string }>((resolve) => {
      system.subscribe("$SYS.SERVER.*.SHUTDOWN", { callback: (_, msg) => resolve(msg.json()) });
    });
    const ask = async () =>
      (await system.request("$SYS.REQ.SERVER.PING")).json<{ server: { seq: number } }>();
    const { server } = await ask();
    expect((await ask()).server.seq).toBeGreaterThan(server.seq);
    await broker.close();
    expect((await stopped).name).toBe("one");
    await system.closed();
  });

  // nats-server wants at least 30 s for it.
  const quick = kind === "embedded" ? it : it.skip;

  quick("tells when the broker goes into lame duck mode (not for 30 s of nats-server)", async () => {
    const { startBroker } = await import("@ganglion/broker");
    await using broker = await startBroker({
      accounts: [{ name: "SYS", users: [{ user: "sys", password: "s" }] }],
      systemAccount: "SYS",
      lameDuckGracePeriodMs: 1,
      lameDuckDurationMs: 2,
    });
    const system = await connect({ servers: broker.url, user: "sys", pass: "s", reconnect: false });
    const told: string[] = [];
    system.subscribe("$SYS.SERVER.*.*", {
      callback: (_, msg) => void told.push(msg.subject.split(".").at(-1) ?? ""),
    });
    await system.flush();
    await Promise.all([broker.lameDuck(), system.closed()]);
    expect(told.filter((event) => event !== "STATSZ")).toContain("LAMEDUCK");
  });

  it("answers only brokers that a request names", async () => {
    await using broker = await start({ config: CONFIG });
    const system = await connect({ servers: broker.url, user: "sys", pass: "s" });
    const ask = (options: unknown) =>
      system.request("$SYS.REQ.SERVER.PING.STATSZ", JSON.stringify(options), { timeout: 300 });
    expect((await ask({ server_name: "on" })).json()).toHaveProperty("statsz");
    for (const options of [{ server_name: "two" }, { tags: ["x"] }, { domain: "d" }, { cluster: "c" }]) {
      await expect(ask(options)).rejects.toMatchObject({ code: "TIMEOUT" });
    }
    await system.close();
  });

  it("is closed to other accounts", async () => {
    await using broker = await start({ config: CONFIG });
    const user = await connect({ servers: broker.url, user: "a", pass: "a" });
    for (const subject of [
      "$SYS.REQ.SERVER.PING",
      "$SYS.REQ.SERVER.PING.VARZ",
      "$SYS.REQ.ACCOUNT.SYS.INFO",
    ]) {
      await expect(user.request(subject, "", { timeout: 300 })).rejects.toMatchObject({ code: "503" });
    }
    await user.close();
  });

  // 2.9.10 does not have these.
  const newer = kind === "nats-server" ? it.skip : it;

  newer("tells a user who it is (nats-server 2.10)", async () => {
    await using broker = await start({ config: CONFIG });
    const user = await connect({ servers: broker.url, user: "a", pass: "a" });
    expect((await user.request("$SYS.REQ.USER.INFO")).json()).toMatchObject({
      server: { name: "one" },
      data: { user: "a", account: "A", permissions: { publish: { allow: [">"] } } },
    });
    await user.close();
  });

  newer("ends connections that it is told to (nats-server 2.10)", async () => {
    await using broker = await start({ config: CONFIG });
    const system = await connect({ servers: broker.url, user: "sys", pass: "s" });
    const user = await connect({ servers: broker.url, user: "a", pass: "a", reconnect: false });
    const left = new Promise<{ reason: string }>((resolve) => {
      system.subscribe("$SYS.ACCOUNT.A.DISCONNECT", { callback: (_, msg) => resolve(msg.json()) });
    });
    const subject = `$SYS.REQ.SERVER.${system.info?.server_id}.KICK`;
    expect((await system.request(subject, '{"cid": 99}')).json()).toMatchObject({ error: { code: 500 } });
    expect(
      (await system.request(subject, JSON.stringify({ cid: user.info?.client_id }))).json(),
    ).not.toHaveProperty("error");
    await user.closed();
    expect((await left).reason).toBe("Kicked");
    await system.close();
  });

  newer("compresses what it is asked to (nats-server 2.10)", async () => {
    await using broker = await start({ config: CONFIG });
    const system = await connect({ servers: broker.url, user: "sys", pass: "s" });
    const accept = headers();
    accept.set("Accept-Encoding", "gzip");
    const answer = await system.request("$SYS.REQ.SERVER.PING.VARZ", "", { headers: accept, timeout: 1000 });
    expect(answer.headers?.get("Content-Encoding")).toBe("gzip");
    expect(JSON.parse(gunzipSync(answer.data).toString())).toMatchObject({ data: { server_name: "one" } });
    await system.close();
  });
});
