/** One thing a client does, whose outcome is compared. */
export type Step =
  /** Publishes and notes the answer. */
  | readonly ["publish", subject: string, headers?: Readonly<Record<string, string>>, payload?: string]
  /** Publishes several messages without noting the answers. */
  | readonly ["fill", ...subjects: readonly string[]]
  /** Asks the API and notes the answer. */
  | readonly ["api", verb: string, body?: object]
  /** Notes every message of a stream, and its state. */
  | readonly ["read", stream?: string]
  /** Waits until a stream has a message at a sequence. */
  | readonly ["reach", sequence: number, stream?: string]
  /** Notes what comes to a subject from now on, at the end. */
  | readonly ["listen", subject: string];

/** What is done on a stream `S` with the subjects `s.>`. */
export interface StreamScenario {
  readonly name: string;
  /** Configuration of the stream beside name, subjects and storage. */
  readonly stream?: object;
  readonly steps: readonly Step[];
  /** Why nats-server 2.9.10 does otherwise than the level we report. */
  readonly differs?: string;
}

const expected = (name: string, value: string): Record<string, string> => ({
  [`Nats-Expected-${name}`]: value,
});

/** Headers of a publish, one after the other, on a stream that has had some messages. */
const HEADER_ROWS: readonly (readonly [name: string, headers: Readonly<Record<string, string>>])[] = [
  ["expected stream", expected("Stream", "S")],
  ["another expected stream", expected("Stream", "T")],
  ["expected last sequence", expected("Last-Sequence", "4")],
  ["a wrong expected last sequence", expected("Last-Sequence", "3")],
  ["an expected last sequence that is no number", expected("Last-Sequence", "x")],
  ["expected last subject sequence", expected("Last-Subject-Sequence", "3")],
  ["a wrong expected last subject sequence", expected("Last-Subject-Sequence", "1")],
  ["an expected last subject sequence of nothing", expected("Last-Subject-Sequence", "0")],
  ["expected last message id", expected("Last-Msg-Id", "four")],
  ["a wrong expected last message id", expected("Last-Msg-Id", "three")],
  ["a message id", { "Nats-Msg-Id": "new" }],
  ["a repeated message id", { "Nats-Msg-Id": "four" }],
  ["a repeated older message id", { "Nats-Msg-Id": "one" }],
  [
    "a repeated message id with a right expectation",
    { "Nats-Msg-Id": "four", ...expected("Last-Sequence", "4") },
  ],
  ["several expectations", { ...expected("Stream", "S"), ...expected("Last-Sequence", "4") }],
  ["a header in lower case", { "nats-expected-stream": "T" }],
  ["an empty message id", { "Nats-Msg-Id": "" }],
  ["a rollup where none is allowed", { "Nats-Rollup": "sub" }],
  ["headers of the user", { A: "1", B: "two words" }],
];

const filled: readonly Step[] = [
  ["publish", "s.a", { "Nats-Msg-Id": "one" }],
  ["publish", "s.b", { "Nats-Msg-Id": "two" }],
  ["publish", "s.a", { "Nats-Msg-Id": "three" }],
  ["publish", "s.c", { "Nats-Msg-Id": "four" }],
];

const headerScenarios: readonly StreamScenario[] = HEADER_ROWS.map(([name, headers]) => ({
  name: `publish with ${name}`,
  steps: [...filled, ["publish", "s.a", headers, "body"], ["read"]],
}));

const ROLLUPS = ["sub", "all", "SUB", "some"].flatMap((rollup) =>
  ["s.a", "s.new"].map(
    (subject): StreamScenario => ({
      name: `rollup ${rollup} of ${subject}`,
      ...(rollup === "some" ? { differs: "2.9 does not answer a rollup it does not know" } : {}),
      stream: { allow_rollup_hdrs: true },
      steps: [
        ...filled,
        ["publish", subject, { "Nats-Rollup": rollup }, "all in one"],
        ["read"],
        ["fill", "s.a"],
        ["read"],
      ],
    }),
  ),
);

const LIMITS: readonly (readonly [name: string, fields: object])[] = [
  ["3 messages", { max_msgs: 3 }],
  ["2 messages per subject", { max_msgs_per_subject: 2 }],
  ["1 message per subject", { max_msgs_per_subject: 1 }],
  ["3 messages, 1 per subject", { max_msgs: 3, max_msgs_per_subject: 1 }],
  ["a message size", { max_msg_size: 3 }],
  ["no limit", {}],
];

const DISCARDS: readonly (readonly [name: string, fields: object])[] = [
  ["discard old", { discard: "old" }],
  ["discard new", { discard: "new" }],
];

const limitScenarios: readonly StreamScenario[] = LIMITS.flatMap(([limit, limits]) =>
  DISCARDS.map(([discard, discards]) => ({
    name: `${limit}, ${discard}`,
    stream: { ...limits, ...discards },
    steps: [
      ["publish", "s.a", {}, "1"],
      ["publish", "s.a", {}, "2"],
      ["publish", "s.b", {}, "3"],
      ["publish", "s.a", {}, "four"],
      ["publish", "s.c", {}, "5"],
      ["publish", "s.b", {}, "6"],
      ["read"],
      ["api", "STREAM.MSG.DELETE.S", { seq: 3 }],
      ["publish", "s.d", {}, "7"],
      ["read"],
    ],
  })),
);

const PURGES: readonly object[] = [
  {},
  { filter: "s.a" },
  { filter: "s.*" },
  { filter: "s.none" },
  { seq: 3 },
  { seq: 1 },
  { seq: 99 },
  { keep: 2 },
  { keep: 99 },
  { keep: 0 },
  { filter: "s.a", keep: 1 },
  { filter: "s.a", seq: 4 },
  { seq: 3, keep: 1 },
];

const purgeScenarios: readonly StreamScenario[] = PURGES.flatMap((purge) =>
  [false, true].map(
    (hasHole): StreamScenario => ({
      name: `purge ${JSON.stringify(purge)}${hasHole ? " over a hole" : ""}`,
      ...("seq" in purge && purge.seq === 1 && !("keep" in purge) ? { differs: "2.9 purges all" } : {}),
      steps: [
        ["fill", "s.a", "s.b", "s.a", "s.c", "s.a", "s.b"],
        ...(hasHole ? [["api", "STREAM.MSG.DELETE.S", { seq: 3 }] as const] : []),
        ["api", "STREAM.PURGE.S", purge],
        ["read"],
        ["publish", "s.z"],
        ["read"],
      ],
    }),
  ),
);

const INFOS: readonly object[] = [
  { deleted_details: true },
  { subjects_filter: ">" },
  { subjects_filter: "s.a" },
  { subjects_filter: "s.b.*" },
  { subjects_filter: "t" },
  { subjects_filter: ">", offset: 2 },
  { subjects_filter: ">", offset: 99 },
  { deleted_details: true, subjects_filter: "s.>" },
];

const infoScenarios: readonly StreamScenario[] = INFOS.map((info) => ({
  name: `info ${JSON.stringify(info)}`,
  steps: [
    ["fill", "s.a", "s.b.1", "s.b.2", "s.a", "s.c", "s.a"],
    ["api", "STREAM.MSG.DELETE.S", { seq: 2 }],
    ["api", "STREAM.MSG.DELETE.S", { seq: 4 }],
    ["api", "STREAM.INFO.S", info],
  ],
}));

const GETS: readonly object[] = [
  { seq: 1 },
  { seq: 3 },
  { seq: 9 },
  { last_by_subj: "s.a" },
  { last_by_subj: "s.*" },
  { last_by_subj: "s.none" },
  { next_by_subj: "s.a", seq: 2 },
  { next_by_subj: "s.c", seq: 1 },
  { next_by_subj: "s.c", seq: 6 },
  { next_by_subj: "s.*" },
  { seq: 1, last_by_subj: "s.a" },
  {},
];

const getScenarios: readonly StreamScenario[] = GETS.flatMap((get) =>
  ["STREAM.MSG.GET.S", "DIRECT.GET.S"].map(
    (verb): StreamScenario => ({
      name: `${verb} ${JSON.stringify(get)}`,
      ...("last_by_subj" in get && get.last_by_subj === "s.a" && !("seq" in get)
        ? { differs: "2.9 forgets the last message of a subject when the one behind it is deleted" }
        : {}),
      stream: { allow_direct: true },
      steps: [
        ["publish", "s.a", { H: "1" }, "one"],
        ["fill", "s.b", "s.a", "s.c", "s.b"],
        ["api", "STREAM.MSG.DELETE.S", { seq: 3 }],
        ["api", verb, get],
      ],
    }),
  ),
);

const REPUBLISHES: readonly object[] = [
  { src: ">", dest: "copy.>" },
  { src: "s.a", dest: "copy.a" },
  { src: "s.*", dest: "copy.$1" },
  { src: "s.>", dest: "copy.>", headers_only: true },
];

const republishScenarios: readonly StreamScenario[] = REPUBLISHES.map((republish) => ({
  name: `republish ${JSON.stringify(republish)}`,
  stream: { republish },
  steps: [
    ["listen", "copy.>"],
    ["publish", "s.a", { H: "1" }, "one"],
    ["publish", "s.b", {}, "two"],
    ["publish", "s.a", { "Nats-Expected-Last-Sequence": "9" }, "refused"],
    ["publish", "s.a", {}, "three"],
  ],
}));

const UPDATES: readonly object[] = [
  { max_msgs: 2 },
  { max_msgs_per_subject: 1 },
  { max_age: 3_600_000_000_000 },
  { max_bytes: 100_000 },
  { description: "changed" },
  { subjects: ["s.>", "t"] },
  { subjects: ["u.>"] },
  { discard: "new", max_msgs: 5 },
  { duplicate_window: 1_000_000_000 },
  { no_ack: true },
  { deny_delete: true },
  { deny_purge: true },
  { allow_rollup_hdrs: true },
  { allow_direct: true },
  { retention: "interest" },
  { retention: "workqueue" },
  { storage: "file" },
  { sealed: true },
  { name: "T" },
  { republish: { src: ">", dest: "copy.>" } },
];

/** What 2.9 refuses, or applies later. */
const NEWER_UPDATES = new Set(["max_msgs_per_subject", "retention", "republish"]);

const updateScenarios: readonly StreamScenario[] = UPDATES.map((update) => ({
  name: `update ${JSON.stringify(update)}`,
  ...(Object.keys(update).some((field) => NEWER_UPDATES.has(field))
    ? { differs: "2.10 changes more, and at once" }
    : {}),
  steps: [
    ["fill", "s.a", "s.b", "s.a", "s.a"],
    ["api", "STREAM.UPDATE.S", { name: "S", subjects: ["s.>"], storage: "file", ...update }],
    ["api", "STREAM.MSG.DELETE.S", { seq: 2 }],
    ["api", "STREAM.PURGE.S", { filter: "s.b" }],
    ["read"],
  ],
}));

const copy = (fields: object) => ({ storage: "file", ...fields });

const MIRRORS: readonly (readonly [object, number])[] = [
  [{ name: "S" }, 4],
  [{ name: "S", filter_subject: "s.a" }, 3],
  [{ name: "S", opt_start_seq: 3 }, 4],
];

const mirrorScenarios: readonly StreamScenario[] = MIRRORS.map(([mirror, last]) => ({
  name: `mirror ${JSON.stringify(mirror)}`,
  steps: [
    ["publish", "s.a", { "Nats-Msg-Id": "1", H: "h" }, "one"],
    ["fill", "s.b", "s.a", "s.c"],
    ["api", "STREAM.CREATE.M", copy({ name: "M", mirror })],
    ["reach", last, "M"],
    ["read", "M"],
    ["api", "STREAM.PURGE.S"],
    ["publish", "s.a", {}, "after"],
    ["reach", 5, "M"],
    ["read", "M"],
  ],
}));

const SOURCES: readonly (readonly [readonly object[], number])[] = [
  [[{ name: "S" }], 4],
  [[{ name: "S", filter_subject: "s.a" }], 2],
  [[{ name: "S", opt_start_seq: 3 }], 2],
];

const sourceScenarios: readonly StreamScenario[] = SOURCES.map(([sources, count]) => ({
  name: `sources ${JSON.stringify(sources)}`,
  steps: [
    ["publish", "s.a", { "Nats-Expected-Last-Sequence": "0", H: "h" }, "one"],
    ["fill", "s.b", "s.a", "s.c"],
    ["api", "STREAM.CREATE.M", copy({ name: "M", sources, duplicate_window: 120_000_000_000 })],
    ["reach", count, "M"],
    ["publish", "s.a", {}, "more"],
    ["reach", count + 1, "M"],
    ["read", "M"],
    ["api", "STREAM.DELETE.M"],
  ],
}));

const REFUSED_COPIES: readonly object[] = [
  { mirror: { name: "S" }, subjects: ["m"] },
  { mirror: { name: "S" }, sources: [{ name: "S" }] },
  { mirror: { name: "" } },
  { mirror: { name: "S" }, max_msg_size: 5 },
  { sources: [{ name: "S" }, { name: "S" }] },
  { sources: [{ name: "S", external: { api: "$JS.API", deliver: "" } }] },
];

const SINCE_2_10 = new Set(
  [{ mirror: { name: "" } }, { sources: [{ name: "S" }, { name: "S" }] }].map((fields) =>
    JSON.stringify(fields),
  ),
);

const refusedCopyScenarios: readonly StreamScenario[] = REFUSED_COPIES.map((fields) => ({
  name: `a copy refused: ${JSON.stringify(fields)}`,
  ...(SINCE_2_10.has(JSON.stringify(fields)) ? { differs: "checked since 2.10" } : {}),
  stream: { max_msg_size: 100 },
  steps: [
    ["api", "STREAM.CREATE.M", copy({ name: "M", ...fields })],
    ["api", "STREAM.NAMES"],
  ],
}));

const interestSteps: readonly Step[] = [
  ["publish", "s.a"],
  [
    "api",
    "CONSUMER.DURABLE.CREATE.S.c",
    { stream_name: "S", config: { durable_name: "c", ack_policy: "explicit", filter_subject: "s.a" } },
  ],
  ["publish", "s.a"],
  ["publish", "s.b"],
  ["read"],
  ["api", "CONSUMER.DELETE.S.c"],
  ["read"],
];

const retentionScenarios: readonly StreamScenario[] = ["limits", "interest", "workqueue"].map(
  (retention) => ({
    name: `retention ${retention}`,
    stream: { retention },
    steps: interestSteps,
  }),
);

const advisoryScenarios: readonly StreamScenario[] = [
  {
    name: "advisories of streams and consumers",
    steps: [
      ["listen", "$JS.EVENT.ADVISORY.STREAM.>"],
      ["listen", "$JS.EVENT.ADVISORY.CONSUMER.>"],
      ["api", "STREAM.CREATE.X", copy({ name: "X", subjects: ["x"] })],
      ["api", "STREAM.UPDATE.X", copy({ name: "X", subjects: ["x", "y"] })],
      [
        "api",
        "CONSUMER.DURABLE.CREATE.X.c",
        { stream_name: "X", config: { durable_name: "c", ack_policy: "explicit" } },
      ],
      ["api", "CONSUMER.DELETE.X.c"],
      ["api", "STREAM.DELETE.X"],
    ],
  },
];

/** Configurations of a second stream, as they are taken or refused. */
const CREATES: readonly object[] = [
  {},
  { subjects: ["x.*", "y.>"] },
  { subjects: ["x", "x"] },
  { subjects: ["x.*", "x.1"] },
  { subjects: ["s.b"] },
  { subjects: [""] },
  { subjects: ["x..y"] },
  { subjects: ["$JS.API.>"] },
  { subjects: ["x"], max_age: 1 },
  { subjects: ["x"], max_age: 60_000_000_000 },
  { subjects: ["x"], duplicate_window: 1 },
  { subjects: ["x"], max_age: 1_000_000_000, duplicate_window: 2_000_000_000 },
  { subjects: ["x"], discard_new_per_subject: true },
  { subjects: ["x"], discard: "new", discard_new_per_subject: true },
  { subjects: ["x"], discard: "new", discard_new_per_subject: true, max_msgs_per_subject: 1 },
  { subjects: ["x"], deny_purge: true, allow_rollup_hdrs: true },
  { subjects: ["x"], sealed: true },
  { subjects: ["x"], mirror_direct: true },
  { subjects: ["x"], num_replicas: 3 },
  { subjects: ["x"], num_replicas: 7 },
  { subjects: ["x"], retention: "sometimes" },
  { subjects: ["x"], republish: { src: "x", dest: "x" } },
  { subjects: ["x"], max_msgs: 0, max_bytes: 0, max_msg_size: 0, max_consumers: 0 },
  { subjects: ["x"], description: "d".repeat(5000) },
];

const createScenarios: readonly StreamScenario[] = CREATES.map((fields) => ({
  name: `create ${JSON.stringify(fields).slice(0, 100)}`,
  ...(JSON.stringify(fields).includes("$JS.API") ? { differs: "2.9 says it in other words" } : {}),
  steps: [
    ["api", "STREAM.CREATE.N", copy({ name: "N", ...fields })],
    ["api", "STREAM.INFO.N"],
    ["api", "STREAM.NAMES", { subject: "x.1" }],
  ],
}));

/** Every scenario; those of one kind are next to each other. */
export const STREAM_SCENARIOS: readonly StreamScenario[] = [
  ...headerScenarios,
  ...ROLLUPS,
  ...limitScenarios,
  ...purgeScenarios,
  ...infoScenarios,
  ...getScenarios,
  ...republishScenarios,
  ...updateScenarios,
  ...mirrorScenarios,
  ...sourceScenarios,
  ...refusedCopyScenarios,
  ...retentionScenarios,
  ...advisoryScenarios,
  ...createScenarios,
];
