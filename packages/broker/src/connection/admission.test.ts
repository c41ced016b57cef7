import { VirtualClock } from "@ganglion/kernel";
import { expect, test } from "vitest";
import { Admission } from "./admission.js";

const START_MS = Date.UTC(2026, 0, 1);
const accepted = { accepted: true, userName: "u", accountName: "A" } as const;

function admission(needsNonce = false) {
  const clock = new VirtualClock(START_MS);
  return {
    clock,
    admission: new Admission({ connectionType: "STANDARD", host: "127.0.0.1" }, { needsNonce }, clock),
  };
}

test("a connection has a nonce of its own to sign, where that is needed", () => {
  expect(admission().admission.nonce).toBeUndefined();
  const nonces = [admission(true), admission(true)].map(({ admission: one }) => String(one.nonce));
  for (const nonce of nonces) expect(Buffer.from(nonce, "base64url")).toHaveLength(11);
  expect(nonces[0]).not.toBe(nonces[1]);
});

test("a user whose time is over is told at that time, also when it is over already", () => {
  const { clock, admission: one } = admission();
  const told: string[] = [];
  one.accept({ ...accepted, expiresAtMs: START_MS + 40 * 24 * 3_600_000 }, () => told.push("later"));
  clock.advance(40 * 24 * 3_600_000 - 1);
  expect(told).toEqual([]);
  clock.advance(1);
  expect(told).toEqual(["later"]);
  one.accept({ ...accepted, expiresAtMs: START_MS }, () => told.push("at once"));
  clock.advance(0);
  expect(told).toEqual(["later", "at once"]);
});

test("credentials that are shown end the wait for them, and what held before", () => {
  const { clock, admission: one } = admission();
  const told: string[] = [];
  one.expectConnect(100, () => told.push("too late"));
  one.begin();
  one.accept({ ...accepted, expiresAtMs: START_MS + 500 }, () => told.push("expired"));
  one.begin();
  expect(one.accepted).toBeUndefined();
  clock.advance(1000);
  expect(told).toEqual([]);
  expect(clock.timerCount).toBe(0);
});
