import { formatTimestamp } from "@ganglion/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { describeReceived, JetStreamFixture } from "../jetstream-fixture.js";

let js: JetStreamFixture;

beforeEach(async () => {
  js = await JetStreamFixture.start();
  await js.stream("S", { allow_direct: true });
  for (const subject of ["S.a", "S.b", "S.a", "S.c", "S.b"]) {
    await js.publish(subject, `${subject} now`).next();
    await js.advance(1000);
  }
});

/** What a direct get is answered with: sequences with what is pending, and the status at the end. */
async function get(request: object): Promise<string[]> {
  const inbox = js.inbox();
  js.send("$JS.API.DIRECT.GET.S", JSON.stringify(request), inbox.subject);
  await js.advance(0);
  return inbox.received.map((message) => {
    const headers = new Map(message.headers?.entries);
    if (message.headers?.status !== undefined) return describeReceived(message);
    return `${headers.get("Nats-Sequence")} pending ${headers.get("Nats-Num-Pending")}`;
  });
}

const end = (pending: number, last: number, upTo?: number) =>
  `204 EOB (Nats-Num-Pending: ${pending}, Nats-Last-Sequence: ${last}${upTo === undefined ? "" : `, Nats-UpTo-Sequence: ${upTo}`})`;

describe("a batch get", () => {
  it("sends messages from a sequence, a time or a subject on", async () => {
    expect(await get({ seq: 2, batch: 2 })).toEqual(["2 pending 3", "3 pending 2", end(2, 3)]);
    expect(await get({ seq: 4, batch: 9 })).toEqual(["4 pending 1", "5 pending 0", end(0, 5)]);
    expect(await get({ seq: 2, next_by_subj: "S.b", batch: 5 })).toEqual([
      "2 pending 1",
      "5 pending 0",
      end(0, 5),
    ]);
    const start_time = formatTimestamp(js.clock.nowUs() - 2_000_000);
    expect(await get({ start_time, batch: 5 })).toEqual(["4 pending 1", "5 pending 0", end(0, 5)]);
    expect(await get({ seq: 9, batch: 5 })).toEqual(["404 Message Not Found"]);
  });

  it("ends when it has sent enough bytes", async () => {
    expect(await get({ seq: 1, batch: 9, max_bytes: 10 })).toEqual(["1 pending 4", end(4, 1)]);
  });
});

describe("a get of the last messages of many subjects", () => {
  it("sends them in order, as of now, a sequence or a time", async () => {
    const now = ["3 pending 2", "4 pending 1", "5 pending 0", end(0, 5, 5)];
    expect(await get({ multi_last: ["S.*"] })).toEqual(now);
    expect(await get({ multi_last: ["S.a", "S.>"] })).toEqual(now);
    expect(await get({ multi_last: ["S.*"], up_to_seq: 3 })).toEqual([
      "2 pending 1",
      "3 pending 0",
      end(0, 3, 3),
    ]);
    const up_to_time = formatTimestamp(js.clock.nowUs() - 2_500_000);
    expect(await get({ multi_last: ["S.*"], up_to_time })).toEqual([
      "2 pending 1",
      "3 pending 0",
      end(0, 3, 3),
    ]);
    expect(await get({ multi_last: ["S.*"], batch: 1 })).toEqual(["3 pending 2", end(2, 3, 5)]);
    expect(await get({ multi_last: ["S.*"], seq: 4 })).toEqual(["4 pending 1", "5 pending 0", end(0, 5, 5)]);
  });

  it("says so when there is nothing, or too much", async () => {
    expect(await get({ multi_last: ["T.*"] })).toEqual(["404 No Results"]);
    const up_to_time = "2020-01-01T00:00:00Z";
    expect(await get({ multi_last: ["S.*"], up_to_time })).toEqual(["404 No Results"]);
    for (let n = 0; n < 1030; n++) js.publish(`S.many.${n}`, "");
    await js.advance(0);
    expect(await get({ multi_last: ["S.many.*"] })).toEqual(["413 Too Many Results"]);
  });
});

it("requests that contradict themselves are refused", async () => {
  const bad = ["408 Bad Request"];
  expect(await get({ seq: 1, start_time: "2020-01-01T00:00:00Z" })).toEqual(bad);
  expect(await get({ last_by_subj: "S.a", batch: 2 })).toEqual(bad);
  expect(await get({ next_by_subj: "S.a", multi_last: ["S.a"] })).toEqual(bad);
  expect(await get({ multi_last: ["S.a"], up_to_seq: 1, up_to_time: "2020-01-01T00:00:00Z" })).toEqual(bad);
  expect(await get({ batch: 2 })).toEqual(["408 Empty Request"]);
});

it("a get without headers is the payload alone", async () => {
  const inbox = js.inbox();
  js.send("$JS.API.DIRECT.GET.S", '{"seq":1,"no_hdr":true}', inbox.subject);
  js.send("$JS.API.DIRECT.GET.S.S.a", '{"no_hdr":true}', inbox.subject);
  await js.advance(0);
  expect(inbox.received).toMatchObject([{ headers: undefined }, { headers: undefined }]);
});
