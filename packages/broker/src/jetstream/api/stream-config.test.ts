import { describe, expect, it } from "vitest";
import { JetStreamFixture } from "../jetstream-fixture.js";

interface StreamAnswer {
  readonly config: Record<string, unknown> & { metadata: Record<string, string> };
}

const create = async (fixture: JetStreamFixture, name: string, fields: object = {}): Promise<StreamAnswer> =>
  fixture.ask<StreamAnswer>(`STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], ...fields });

/** Error code a request is refused with. */
const refusal = async (request: Promise<unknown>): Promise<number | undefined> =>
  request.then(
    () => undefined,
    (error: { err_code: number }) => error.err_code,
  );

describe("stream configuration", () => {
  it("is refused with the error of each rule", async () => {
    const fixture = await JetStreamFixture.start();
    await create(fixture, "O", { max_msg_size: 100 });
    const mirror = { subjects: undefined, mirror: { name: "O" } };
    const rows: [object, number][] = [
      [{ unknown_field: 1 }, 10025],
      [{ max_age: -1 }, 10052],
      [{ allow_msg_counter: true, discard: "new" }, 10052],
      [{ allow_msg_counter: true, allow_msg_ttl: true }, 10052],
      [{ allow_msg_counter: true, retention: "interest" }, 10052],
      [{ subject_delete_marker_ttl: 5e8 }, 10052],
      [{ subject_delete_marker_ttl: -1 }, 10052],
      [{ subject_delete_marker_ttl: 1e9, pedantic: true }, 10052],
      [{ allow_msg_schedules: true, discard: "new" }, 10052],
      [{ persist_mode: "async", storage: "memory" }, 10052],
      [{ persist_mode: "async", allow_atomic: true }, 10052],
      [{ persist_mode: "sometimes" }, 10025],
      [{ max_msgs: -5, pedantic: true }, 10157],
      [{ mirror: { name: "O" } }, 10034],
      [{ ...mirror, first_seq: 5 }, 10143],
      [{ ...mirror, sources: [{ name: "P" }] }, 10031],
      [{ ...mirror, allow_msg_counter: true }, 10173],
      [{ ...mirror, allow_atomic: true }, 10198],
      [{ ...mirror, allow_batched: true }, 10209],
      [{ ...mirror, allow_msg_schedules: true }, 10186],
      [{ ...mirror, max_msg_size: 50 }, 10030],
      [{ subjects: undefined, mirror: { name: "a.b" } }, 10142],
      [
        {
          subjects: undefined,
          mirror: { name: "O", filter_subject: "a", subject_transforms: [{ src: "a", dest: "b" }] },
        },
        10150,
      ],
      [
        {
          subjects: undefined,
          mirror: {
            name: "O",
            subject_transforms: [
              { src: "a.*", dest: "" },
              { src: "a.b", dest: "" },
            ],
          },
        },
        10152,
      ],
      [{ subjects: undefined, mirror: { name: "O", subject_transforms: [{ src: "a..", dest: "" }] } }, 10151],
      [
        { subjects: undefined, mirror: { name: "O", subject_transforms: [{ src: "a.*", dest: "$2" }] } },
        10154,
      ],
      [{ sources: [{ name: "O" }, { name: "O" }] }, 10140],
      [{ sources: [{ name: "" }] }, 10141],
      [{ sources: [{ name: "O" }], max_msg_size: 50 }, 10046],
      [{ sources: [{ name: "O" }], allow_msg_schedules: true }, 10187],
      [{ sources: [{ name: "N" }] }, 10052],
      [{ sources: [{ name: "O", external: { api: "$JS.API", deliver: "" } }] }, 10021],
      [{ sources: [{ name: "O", external: { api: "$JS.x.API", deliver: "a.*" } }] }, 10024],
      [{ subject_transform: { src: "a..", dest: "b" } }, 10155],
    ];
    const answers = [];
    for (const [fields] of rows) answers.push([fields, await refusal(create(fixture, "N", fields))]);
    expect(answers).toEqual(rows);
  });

  it("gets what its features need, and the level they are of", async () => {
    const fixture = await JetStreamFixture.start();
    const marked = await create(fixture, "MARKED", { subject_delete_marker_ttl: 1e9 });
    expect(marked.config).toMatchObject({ allow_msg_ttl: true, allow_rollup_hdrs: true });
    expect(marked.config.metadata["_nats.req.level"]).toBe("1");
    const counter = await create(fixture, "COUNTER", {
      allow_msg_counter: true,
      metadata: { mine: "yes", "_nats.level": "99" },
    });
    expect(counter.config.metadata).toMatchObject({
      mine: "yes",
      "_nats.req.level": "2",
      "_nats.level": "4",
    });
    const copy = await create(fixture, "COPY", { subjects: undefined, sources: [{ name: "COUNTER" }] });
    expect(copy.config).not.toHaveProperty("subjects");
    expect(copy.config).not.toHaveProperty("duplicate_window");
    await fixture.ask("STREAM.CREATE.DIRECT", { name: "DIRECT", allow_direct: true });
    const mirror = await fixture.ask<StreamAnswer>("STREAM.CREATE.MIRROR", {
      name: "MIRROR",
      mirror: { name: "DIRECT" },
    });
    expect(mirror.config).toMatchObject({ mirror_direct: true });
  });

  it("refuses streams that copy each other", async () => {
    const fixture = await JetStreamFixture.start();
    await create(fixture, "A", { sources: [{ name: "B" }] });
    await create(fixture, "B", { sources: [{ name: "C" }] });
    expect(await refusal(create(fixture, "C", { sources: [{ name: "A" }] }))).toBe(10052);
    expect(await refusal(fixture.ask("STREAM.CREATE.C", { name: "C", mirror: { name: "A" } }))).toBe(10052);
  });

  it("changes only where it may", async () => {
    const fixture = await JetStreamFixture.start();
    const update = (name: string, fields: object) =>
      refusal(fixture.ask(`STREAM.UPDATE.${name}`, { name, subjects: [`${name}.>`], ...fields }));
    await create(fixture, "A", { allow_msg_ttl: true });
    expect(await update("A", {})).toBe(10052);
    expect(await update("A", { allow_msg_ttl: true, allow_msg_counter: true })).toBe(10052);
    expect(await update("A", { allow_msg_ttl: true, persist_mode: "async" })).toBe(10052);
    expect(await update("A", { allow_msg_ttl: true, max_consumers: 4, allow_atomic: true })).toBeUndefined();
    await fixture.ask("STREAM.CREATE.M", { name: "M", mirror: { name: "A" } });
    expect(await update("M", { subjects: undefined, mirror: { name: "A", opt_start_seq: 5 } })).toBe(10055);
    expect(await update("M", {})).toBeUndefined();
  });

  it("asks for a level the server may not have", async () => {
    const fixture = await JetStreamFixture.start();
    const ask = async (level: string) => {
      const answer = fixture.publish("$JS.API.INFO", "", { "Nats-Required-Api-Level": level });
      const { payload } = await answer.next();
      return (JSON.parse(payload) as { error?: { err_code: number } }).error?.err_code;
    };
    expect(await ask("4")).toBeUndefined();
    expect(await ask("5")).toBe(10185);
    expect(await ask("x")).toBe(10185);
    const direct = fixture.publish("$JS.API.DIRECT.GET.S", "", { "Nats-Required-Api-Level": "5" });
    expect((await direct.next()).headers).toMatchObject({ status: 412, description: "Required Api Level" });
  });
});
