import { startTestBroker, type TestBroker } from "@ganglion/testing";
import { connect, type NatsConnection, NoRespondersError } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, it } from "vitest";

/**
 * Fields whose value depends on when and where a test runs, or how large a record of the store is; only that
 * they are there is compared.
 */
const VOLATILE = new Set([
  "created",
  "ts",
  "time",
  "first_ts",
  "last_ts",
  "last_active",
  "bytes",
  "storage",
  "api",
]);

/** What nats-server 2.9.10 does not have yet: our level is newer. */
const NEWER_FIELDS = new Set([
  "ts",
  "compression",
  "consumer_limits",
  "reserved_memory",
  "reserved_storage",
  "allow_msg_ttl",
]);

/** Metadata in which a server of 2.11 and later tells its version. */
const VERSION_METADATA = "_nats.";

type Json = null | string | number | boolean | Json[] | { [key: string]: Json };

/** A response without what may differ between the two brokers. */
function comparable(value: Json, key = ""): Json {
  if (VOLATILE.has(key)) return typeof value;
  if (Array.isArray(value)) return value.map((entry) => comparable(entry));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name, entry]) => {
    const isVersions =
      name === "metadata" && Object.keys(entry ?? {}).every((key) => key.startsWith(VERSION_METADATA));
    return !NEWER_FIELDS.has(name) && !name.startsWith(VERSION_METADATA) && !isVersions;
  });
  return Object.fromEntries(entries.map(([name, entry]) => [name, comparable(entry, name)]));
}

let brokers: TestBroker[] = [];
let connections: NatsConnection[] = [];

beforeAll(async () => {
  brokers = [await startTestBroker({ kind: "embedded" }), await startTestBroker({ kind: "nats-server" })];
  connections = await Promise.all(brokers.map((broker) => connect({ servers: broker.url })));
});

afterAll(async () => {
  for (const connection of connections) await connection.close();
  for (const broker of brokers) await broker.close();
});

/** What a request is answered with: JSON, or the status of a header-only message. */
async function ask(connection: NatsConnection, subject: string, body: unknown): Promise<Json> {
  const payload = typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body);
  try {
    const reply = await connection.request(subject, payload, { timeout: 2000 });
    const status =
      reply.headers === undefined ? undefined : `${reply.headers.code} ${reply.headers.description}`;
    return reply.data.length === 0 ? `status ${status}` : (JSON.parse(reply.string()) as Json);
  } catch (error) {
    return `no answer: ${(error as Error).constructor.name}`;
  }
}

/** Where two values differ, leaf by leaf. */
function differencesOf(ours: Json, theirs: Json, path = ""): string[] {
  if (isObject(ours) && isObject(theirs)) {
    const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
    return [...keys].flatMap((key) =>
      differencesOf(ours[key] ?? null, theirs[key] ?? null, `${path}/${key}`),
    );
  }
  if (Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length) {
    return ours.flatMap((entry, index) => differencesOf(entry, theirs[index] ?? null, `${path}/${index}`));
  }
  const [left, right] = [JSON.stringify(ours), JSON.stringify(theirs)];
  return left === right ? [] : [`${path}: ours ${left}, theirs ${right}`];
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A request, and where nats-server 2.9.10 answers otherwise than 2.10 does, the error code of that answer. */
type Request = readonly [subject: string, body?: unknown, refusedSince210?: number];

/** Sends the same requests to both brokers, one after the other, and compares every answer. */
async function compare(requests: readonly Request[]): Promise<void> {
  const differences: string[] = [];
  for (const [subject, body, newer] of requests) {
    const [ours, theirs] = await Promise.all(
      (newer === undefined ? connections : connections.slice(0, 1)).map(async (connection) =>
        comparable(await ask(connection, subject, body)),
      ),
    );
    const expected = newer === undefined ? theirs : newer;
    const answer = newer === undefined ? ours : (ours as { error?: { err_code: number } }).error?.err_code;
    for (const difference of differencesOf(answer ?? null, expected ?? null)) {
      differences.push(`${subject} ${JSON.stringify(body)} ${difference}`);
    }
  }
  expect(differences).toEqual([]);
}

const S = "$JS.API.STREAM";
const C = "$JS.API.CONSUMER";

it("streams are created, described, changed and deleted alike", async () => {
  await compare([
    [`${S}.NAMES`],
    [`${S}.LIST`],
    [`${S}.CREATE.A`, { name: "A", subjects: ["a.>"] }],
    [`${S}.CREATE.A`, { name: "A", subjects: ["a.>"] }],
    [`${S}.CREATE.A`, { name: "A", subjects: ["a.>"], max_msgs: 5 }],
    [`${S}.CREATE.B`, { name: "B", description: "bare" }],
    [
      `${S}.CREATE.FULL`,
      {
        name: "FULL",
        subjects: ["full.*", "full.x.>"],
        retention: "interest",
        max_consumers: 3,
        max_msgs: 100,
        max_bytes: 1000,
        max_age: 1e11,
        max_msgs_per_subject: 5,
        max_msg_size: 200,
        discard: "new",
        num_replicas: 1,
        no_ack: true,
        duplicate_window: 5e9,
        allow_direct: true,
        discard_new_per_subject: true,
        deny_delete: true,
        allow_rollup_hdrs: true,
        republish: { src: "full.x.>", dest: "copy.>" },
      },
    ],
    [`${S}.INFO.A`],
    [`${S}.INFO.FULL`, { deleted_details: true, subjects_filter: ">" }],
    [`${S}.NAMES`, {}],
    [`${S}.NAMES`, { subject: "full.y" }],
    [`${S}.NAMES`, { subject: "nothing" }],
    [`${S}.NAMES`, { offset: 1 }],
    [`${S}.NAMES`, { offset: 99 }],
    [`${S}.LIST`, { subject: "a.b" }],
    [`${S}.UPDATE.A`, { name: "A", subjects: ["a.>", "aa"], max_msgs: 50 }],
    [`${S}.UPDATE.A`, { name: "A", subjects: ["a.>"], sealed: true }],
    [`${S}.UPDATE.A`, { name: "A", subjects: ["a.>"] }],
    [`${S}.DELETE.A`],
    [`${S}.DELETE.A`],
    [`${S}.DELETE.B`, "{}"],
    [`${S}.DELETE.FULL`, { really: true }],
    [`${S}.DELETE.FULL`],
  ]);
});

it("bad streams are refused alike", async () => {
  const bad = (fields: object) => [`${S}.CREATE.X`, { name: "X", subjects: ["x"], ...fields }] as const;
  await compare([
    [`${S}.CREATE.X`],
    [`${S}.CREATE.X`, "not json"],
    [`${S}.CREATE.X`, { name: "Y" }],
    [`${S}.CREATE.X`, { name: "X", subjects: "x" }],
    bad({ max_msgs: "many" }),
    bad({ max_msgs: 1.5 }),
    bad({ retention: "forever" }),
    bad({ storage: "tape" }),
    [`${S}.CREATE.X/Y`, { name: "X/Y" }],
    [`${S}.CREATE.X`, { name: "X", subjects: ["x..y"] }],
    [`${S}.CREATE.X`, { name: "X", subjects: ["x", "x"] }],
    [`${S}.CREATE.X`, { name: "X", subjects: ["x.*", "x.y"] }],
    [`${S}.CREATE.X`, { name: "X", subjects: [">"] }, 10052],
    [`${S}.CREATE.X`, { name: "X", subjects: ["$JS.API.INFO"] }, 10052],
    bad({ sealed: true }),
    bad({ mirror_direct: true }),
    bad({ num_replicas: 3 }),
    bad({ num_replicas: 9 }),
    bad({ num_replicas: -1 }),
    bad({ max_age: 5 }),
    bad({ duplicate_window: -1 }),
    bad({ duplicate_window: 5 }),
    bad({ duplicate_window: 2e9, max_age: 1e9 }),
    bad({ deny_purge: true, allow_rollup_hdrs: true }),
    bad({ discard_new_per_subject: true }),
    bad({ discard_new_per_subject: true, discard: "new" }),
    bad({ republish: { dest: "x" } }),
    [...bad({ republish: { src: "x.*", dest: "z.$2" } }), 10052],
    bad({ description: "d".repeat(5000) }),
    [`${S}.CREATE.${"N".repeat(300)}`, { name: "N".repeat(300) }],
    [`${S}.INFO.NONE`],
    [`${S}.INFO.NONE`, "not json"],
    [`${S}.UPDATE.NONE`, { name: "NONE" }],
    [`${S}.UPDATE.NONE`, { name: "OTHER" }],
    [`${S}.PURGE.NONE`],
    [`${S}.MSG.GET.NONE`, { seq: 1 }],
    [`${S}.MSG.DELETE.NONE`, { seq: 1 }],
    [`${S}.NAMES`, "not json"],
    [`${S}.LIST`, "not json"],
    [`${S}.CREATE`, undefined, 10003],
    [`${S}.FLY.X`, undefined, 10003],
    ["$JS.API.NONSENSE", undefined, 10003],
    [`${S}.PEER.REMOVE.X`, { peer: "p" }],
    [`${S}.LEADER.STEPDOWN.X`],
    [`${C}.LEADER.STEPDOWN.X.Y`],
  ]);
});

it("updates that may not be are refused alike", async () => {
  const update = (fields: object) => [`${S}.UPDATE.U`, { name: "U", subjects: ["u.>"], ...fields }] as const;
  await compare([
    [`${S}.CREATE.U`, { name: "U", subjects: ["u.>"], deny_delete: true, deny_purge: true }],
    [`${S}.CREATE.V`, { name: "V", subjects: ["v"] }],
    update({ deny_delete: true, deny_purge: true, description: "fine" }),
    update({ deny_purge: true }),
    update({ deny_delete: true }),
    update({ deny_delete: true, deny_purge: true }),
    [...update({ deny_delete: true, deny_purge: true, retention: "workqueue" }), 10052],
    update({ deny_delete: true, deny_purge: true, subjects: ["v"] }),
    update({ deny_delete: true, deny_purge: true, subjects: ["u..x"] }),
    [`${S}.CREATE.W`, { name: "W", subjects: ["*"] }],
    [`${S}.DELETE.U`],
    [`${S}.DELETE.V`],
  ]);
});

it("messages are stored, read, deleted and purged alike", async () => {
  await compare([
    [`${S}.CREATE.M`, { name: "M", subjects: ["m.*"], allow_direct: true }],
    ["m.1", "one"],
    ["m.2", ""],
    ["m.1", "three"],
    [`${S}.INFO.M`, { subjects_filter: "m.*" }],
    [`${S}.INFO.M`, { subjects_filter: "m.2" }],
    [`${S}.INFO.M`, { subjects_filter: "nothing" }],
    [`${S}.MSG.GET.M`, { seq: 1 }],
    [`${S}.MSG.GET.M`, { seq: 2 }],
    [`${S}.MSG.GET.M`, { seq: 99 }],
    [`${S}.MSG.GET.M`, { last_by_subj: "m.1" }],
    [`${S}.MSG.GET.M`, { last_by_subj: "m.*" }],
    [`${S}.MSG.GET.M`, { last_by_subj: "m.9" }],
    [`${S}.MSG.GET.M`, { next_by_subj: "m.1", seq: 2 }],
    [`${S}.MSG.GET.M`, { next_by_subj: "m.1" }],
    [`${S}.MSG.GET.M`, { seq: 1, last_by_subj: "m.1" }],
    [`${S}.MSG.GET.M`, {}],
    [`${S}.MSG.GET.M`, "not json"],
    ["$JS.API.DIRECT.GET.M", { seq: 99 }],
    ["$JS.API.DIRECT.GET.M", {}],
    ["$JS.API.DIRECT.GET.M"],
    ["$JS.API.DIRECT.GET.M", "not json"],
    ["$JS.API.DIRECT.GET.M", { seq: 1, last_by_subj: "m.1" }],
    ["$JS.API.DIRECT.GET.M.m.9"],
    ["$JS.API.DIRECT.GET.M.m.1", '{"seq":1}'],
    [`${S}.MSG.DELETE.M`, { seq: 2 }],
    [`${S}.MSG.DELETE.M`, { seq: 2 }],
    [`${S}.MSG.DELETE.M`, { seq: 99, no_erase: true }],
    [`${S}.MSG.DELETE.M`, {}],
    [`${S}.MSG.DELETE.M`, "not json"],
    [`${S}.INFO.M`, { deleted_details: true }],
    ["m.3", "four"],
    ["m.3", "five"],
    [`${S}.PURGE.M`, { seq: 1, keep: 1 }],
    [`${S}.PURGE.M`, "not json"],
    [`${S}.PURGE.M`, { filter: "m.3", keep: 1 }],
    [`${S}.PURGE.M`, { seq: 2 }],
    [`${S}.INFO.M`, { deleted_details: true }],
    [`${S}.PURGE.M`],
    [`${S}.INFO.M`],
    [`${S}.DELETE.M`],
    [`${S}.CREATE.SHUT`, { name: "SHUT", subjects: ["shut"], deny_delete: true, deny_purge: true }],
    ["shut", "x"],
    [`${S}.MSG.DELETE.SHUT`, { seq: 1 }],
    [`${S}.PURGE.SHUT`],
    [`${S}.DELETE.SHUT`],
  ]);
});

it("publishes that do not fit are refused alike", async () => {
  await compare([
    [`${S}.CREATE.P`, { name: "P", subjects: ["p.*"], max_msgs: 2, max_msg_size: 10, discard: "new" }],
    ["p.1", "12345678901"],
    ["p.1", "1"],
    ["p.1", "2"],
    ["p.1", "3"],
    [`${S}.UPDATE.P`, { name: "P", subjects: ["p.*"], max_bytes: 69, discard: "new" }],
    ["p.1", "4"],
    [
      `${S}.UPDATE.P`,
      {
        name: "P",
        subjects: ["p.*"],
        discard: "new",
        discard_new_per_subject: true,
        max_msgs_per_subject: 1,
      },
    ],
    ["p.1", "5"],
    ["p.2", "6"],
    [`${S}.INFO.P`],
    [`${S}.UPDATE.P`, { name: "P", subjects: ["p.*"], sealed: true }],
    ["p.3", "7"],
    [`${S}.PURGE.P`],
    [`${S}.MSG.DELETE.P`, { seq: 1 }],
    [`${S}.DELETE.P`],
  ]);
});

it("consumers are created, described, changed and deleted alike", async () => {
  const config = (fields: object) => ({ stream_name: "C", config: { ack_policy: "explicit", ...fields } });
  await compare([
    [`${S}.CREATE.C`, { name: "C", subjects: ["c.*"] }],
    ["c.1", "one"],
    ["c.2", "two"],
    [`${C}.NAMES.C`],
    [`${C}.LIST.C`],
    [`${C}.DURABLE.CREATE.C.d`, config({ durable_name: "d" })],
    [`${C}.DURABLE.CREATE.C.d`, config({ durable_name: "d" })],
    [`${C}.DURABLE.CREATE.C.d`, config({ durable_name: "d", max_deliver: 4, description: "changed" })],
    [`${C}.DURABLE.CREATE.C.d`, config({ durable_name: "d", deliver_policy: "new" })],
    [`${C}.DURABLE.CREATE.C.d`, config({ durable_name: "d", deliver_subject: "push" }), 10012],
    [`${C}.DURABLE.CREATE.C.d`, config({ durable_name: "d", max_waiting: 7 })],
    [`${C}.CREATE.C.named`, config({ filter_subject: "c.1", inactive_threshold: 60e9 })],
    [`${C}.CREATE.C.filtered.c.2`, config({ filter_subject: "c.2", durable_name: "filtered" })],
    [
      `${C}.DURABLE.CREATE.C.push`,
      config({
        durable_name: "push",
        deliver_subject: "deliver.here",
        deliver_group: "g",
        idle_heartbeat: 1e9,
        flow_control: true,
        headers_only: true,
        sample_freq: "50%",
        rate_limit_bps: 8000,
        max_deliver: 3,
        backoff: [1e9, 2e9],
      }),
    ],
    [`${C}.CREATE.C.none`, { stream_name: "C", config: { ack_policy: "none", deliver_policy: "all" } }],
    [`${C}.CREATE.C.bystart`, config({ deliver_policy: "by_start_sequence", opt_start_seq: 1 })],
    [
      `${C}.CREATE.C.bytime`,
      config({ deliver_policy: "by_start_time", opt_start_time: "2020-01-01T00:00:00Z" }),
    ],
    [`${C}.CREATE.C.persubject`, config({ deliver_policy: "last_per_subject", filter_subject: "c.*" })],
    [`${C}.INFO.C.d`],
    [`${C}.INFO.C.none`],
    [`${C}.INFO.C.persubject`],
    [`${C}.NAMES.C`],
    [`${C}.NAMES.C`, { offset: 2 }],
    [`${C}.LIST.C`],
    [`${C}.DELETE.C.named`],
    [`${C}.DELETE.C.named`],
    [`${C}.DELETE.C.d`, { really: true }],
    [`${C}.INFO.C.named`],
    [`${C}.INFO.NONE.d`],
    [`${C}.DELETE.NONE.d`],
    [`${C}.NAMES.NONE`],
    [`${C}.LIST.NONE`],
    [`${C}.NAMES.C`, "not json"],
    [`${C}.LIST.C`, "not json"],
    [`${S}.INFO.C`],
    ["$JS.API.INFO"],
    [`${S}.DELETE.C`],
    ["$JS.API.INFO"],
  ]);
});

it("bad consumers are refused alike", async () => {
  const bad = (fields: object) =>
    [`${C}.DURABLE.CREATE.D.d`, { stream_name: "D", config: { durable_name: "d", ...fields } }] as const;
  const explicit = (fields: object) => bad({ ack_policy: "explicit", ...fields });
  const push = (fields: object) => explicit({ deliver_subject: "deliver", ...fields });
  await compare([
    [`${S}.CREATE.D`, { name: "D", subjects: ["d.*"], max_consumers: 1 }],
    [`${C}.DURABLE.CREATE.D.d`],
    [`${C}.DURABLE.CREATE.D.d`, "not json"],
    [`${C}.DURABLE.CREATE.D.d`, { stream_name: "E", config: {} }],
    [`${C}.DURABLE.CREATE.D.d`, { stream_name: "D", config: {} }],
    [`${C}.DURABLE.CREATE.D.d`, { stream_name: "D", config: { durable_name: "e" } }],
    [`${C}.CREATE.D`, { stream_name: "D", config: { durable_name: "e" } }],
    [`${C}.CREATE.D.x`, { stream_name: "D", config: { durable_name: "e" } }],
    [`${C}.CREATE.D.x/y`, { stream_name: "D", config: { name: "x/y" } }],
    [`${C}.CREATE.D.x.d.1`, { stream_name: "D", config: { name: "x", filter_subject: "d.2" } }],
    [`${C}.CREATE.NONE`, { stream_name: "NONE", config: {} }],
    bad({ ack_policy: "maybe" }),
    bad({ deliver_policy: "sometime" }),
    explicit({ num_replicas: 3 }),
    explicit({ num_replicas: -1 }),
    explicit({ backoff: [1, 2, 3], max_deliver: 2 }),
    explicit({ description: "d".repeat(5000) }),
    [...explicit({ filter_subject: "d..1" }), 10052],
    explicit({ deliver_policy: "all", opt_start_seq: 3 }),
    explicit({ deliver_policy: "new", opt_start_time: "2020-01-01T00:00:00Z" }),
    explicit({ deliver_policy: "last", opt_start_seq: 3 }),
    explicit({ deliver_policy: "by_start_sequence" }),
    explicit({ deliver_policy: "by_start_time" }),
    explicit({ deliver_policy: "by_start_time", opt_start_time: "yesterday" }),
    explicit({ deliver_policy: "by_start_time", opt_start_time: "2020-01-01T00:00:00Z", opt_start_seq: 4 }),
    explicit({ deliver_policy: "last_per_subject" }),
    explicit({ rate_limit_bps: 5 }),
    explicit({ max_waiting: -1 }),
    explicit({ idle_heartbeat: 1e9 }),
    explicit({ flow_control: true }),
    explicit({ max_batch: -1 }),
    explicit({ max_expires: 5 }),
    push({ deliver_subject: "deliver.*" }),
    push({ deliver_subject: "d.1" }),
    push({ max_waiting: 5 }),
    push({ idle_heartbeat: 5 }),
    push({ flow_control: true }),
    bad({ deliver_subject: "deliver", ack_policy: "none", max_ack_pending: 5 }),
    explicit({ name: "other" }),
    explicit({}),
    [`${C}.CREATE.D`, { stream_name: "D", config: { ack_policy: "explicit" } }],
    [`${C}.FLY.D.d`, undefined, 10003],
    [`${C}.INFO.D`, undefined, 10003],
    [`${S}.DELETE.D`],
  ]);
});

it("work queues keep their consumers apart alike", async () => {
  const create = (name: string, fields: object) =>
    [
      `${C}.DURABLE.CREATE.Q.${name}`,
      { stream_name: "Q", config: { durable_name: name, ack_policy: "explicit", ...fields } },
    ] as const;
  await compare([
    [`${S}.CREATE.Q`, { name: "Q", subjects: ["q.*"], retention: "workqueue" }],
    [...create("none", { ack_policy: "none" }), 10084],
    create("all", { ack_policy: "all" }),
    create("new", { deliver_policy: "new" }),
    create("one", { filter_subject: "q.1" }),
    create("again", { filter_subject: "q.1" }),
    create("wide", { filter_subject: "q.*" }),
    create("every", {}),
    create("two", { filter_subject: "q.2" }),
    create("two", { filter_subject: "q.2", max_deliver: 3 }),
    [`${S}.DELETE.Q`],
  ]);
});

it("requests for a stream or consumer that is not there find no responders", async () => {
  const [ours] = connections;
  if (ours === undefined) throw new Error("not connected");
  for (const subject of ["$JS.API.DIRECT.GET.NONE", `${C}.MSG.NEXT.NONE.none`]) {
    await expect(ours.request(subject, "{}")).rejects.toMatchObject({ cause: expect.any(NoRespondersError) });
  }
});
