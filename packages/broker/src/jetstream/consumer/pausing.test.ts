import { expect, it } from "vitest";
import { JetStreamFixture } from "../jetstream-fixture.js";

interface Pause {
  readonly paused: boolean;
  readonly pause_until: string;
  readonly pause_remaining?: number;
}

const ZERO = "0001-01-01T00:00:00Z";

async function started() {
  const js = await JetStreamFixture.start();
  await js.stream("S");
  const inMs = (ms: number) => new Date(js.clock.nowMs() + ms).toISOString();
  return { js, inMs };
}

it("a paused consumer delivers nothing until its time has come", async () => {
  const { js, inMs } = await started();
  await js.consumer("S", "c");
  const advisories = js.inbox("$JS.EVENT.ADVISORY.CONSUMER.PAUSE.S.c");
  const pause = await js.ask<Pause>("CONSUMER.PAUSE.S.c", { pause_until: inMs(5_000) });
  expect(pause).toMatchObject({ paused: true, pause_remaining: 5e9 });
  const inbox = await js.pull("S", "c", { batch: 1, expires: 60e9, idle_heartbeat: 1e9 });
  js.publish("S.a", "m1");
  await js.advance(1_500);
  expect(inbox.take()).toEqual([expect.stringMatching(/^100 Idle Heartbeat/)]);
  expect(await js.info("S", "c")).toMatchObject({ paused: true, pause_remaining: 3.5e9, num_pending: 1 });
  await js.advance(3_500);
  expect(inbox.take()).toContain("m1");
  expect(await js.info("S", "c")).not.toHaveProperty("paused");
  const told = advisories.received.map(({ payload }) => (JSON.parse(payload) as Pause).paused);
  expect(told).toEqual([true, false]);
});

it("a consumer goes on when the pause is taken back", async () => {
  const { js, inMs } = await started();
  await js.consumer("S", "c", { deliver_subject: "d" });
  await js.ask("CONSUMER.PAUSE.S.c", { pause_until: inMs(60_000) });
  const inbox = js.inbox("d");
  js.publish("S.a", "m1");
  await js.advance(1_000);
  expect(inbox.take()).toEqual([]);
  expect(await js.ask<Pause>("CONSUMER.PAUSE.S.c")).toMatchObject({ paused: false, pause_until: ZERO });
  await js.advance(0);
  expect(inbox.take()).toEqual(["m1"]);
});

it("a consumer can be created paused, and creating it again does not change that", async () => {
  const { js, inMs } = await started();
  const until = inMs(60_000);
  await js.consumer("S", "c", { pause_until: until });
  await js.consumer("S", "c", { description: "changed" });
  const info = await js.ask<{ paused: boolean; config: { pause_until: string; description: string } }>(
    "CONSUMER.INFO.S.c",
  );
  expect(info).toMatchObject({ paused: true, config: { description: "changed" } });
  expect(Date.parse(info.config.pause_until)).toBe(Date.parse(until));
});

it("a time that has passed resumes, no time is no pause, and other words are refused", async () => {
  const { js, inMs } = await started();
  await js.consumer("S", "c");
  expect(await js.ask<Pause>("CONSUMER.PAUSE.S.c", { pause_until: inMs(-1_000) })).toMatchObject({
    paused: false,
  });
  expect(await js.ask<Pause>("CONSUMER.PAUSE.S.c", { pause_until: ZERO })).toMatchObject({
    paused: false,
    pause_until: ZERO,
  });
  await expect(js.ask("CONSUMER.PAUSE.S.c", { pause_until: "soon" })).rejects.toMatchObject({
    err_code: 10025,
  });
  await expect(js.ask("CONSUMER.PAUSE.S.other")).rejects.toMatchObject({ err_code: 10014 });
});
