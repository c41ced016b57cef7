import { describe, expect, it, test } from "vitest";
import { isFromSource, isTimeOfDay, isTimeZone, parseCidr, remainingSeconds } from "./connect-limits.js";

test("parseCidr reads networks and nothing else", () => {
  expect(parseCidr("10.0.0.0/8")).toEqual({ address: "10.0.0.0", prefix: 8, family: "ipv4" });
  expect(parseCidr("fe80::/10")).toEqual({ address: "fe80::", prefix: 10, family: "ipv6" });
  for (const text of ["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0/8", "::/129", ""]) {
    expect(parseCidr(text), text).toBeUndefined();
  }
});

describe("isFromSource", () => {
  it("lets everybody in without networks", () => {
    expect(isFromSource("pipe", [])).toBe(true);
  });

  it("lets in addresses of one of the networks, also when a socket shows them as IPv6", () => {
    const sources = ["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32"];
    expect(isFromSource("10.1.2.3", sources)).toBe(true);
    expect(isFromSource("::ffff:10.1.2.3", sources)).toBe(true);
    expect(isFromSource("2001:db8::7", sources)).toBe(true);
    expect(isFromSource("11.1.2.3", sources)).toBe(false);
    expect(isFromSource("2001:db9::7", sources)).toBe(false);
  });

  it("lets nobody in who has no address, or by a network that is none", () => {
    expect(isFromSource("pipe", ["0.0.0.0/0"])).toBe(false);
    expect(isFromSource("", ["0.0.0.0/0"])).toBe(false);
    expect(isFromSource("10.1.2.3", ["nonsense", "10.0.0.0/8"])).toBe(false);
  });
});

describe("remainingSeconds", () => {
  const at = (time: string) => Date.parse(`2026-03-04T${time}Z`);
  const left = (time: string, ...ranges: [string, string][]) =>
    remainingSeconds(
      ranges.map(([start, end]) => ({ start, end })),
      "UTC",
      at(time),
    );

  it("is without end where no times are given", () => {
    expect(left("12:00:00")).toBe(Number.POSITIVE_INFINITY);
  });

  it("counts until the end of a range, of the latest one when several hold", () => {
    expect(left("13:00:00", ["11:00:00", "22:00:00"])).toBe(9 * 3600);
    expect(left("13:00:00", ["11:00:00", "14:00:00"], ["12:00:00", "15:00:00"])).toBe(2 * 3600);
    expect(left("10:59:59", ["11:00:00", "22:00:00"])).toBeUndefined();
    expect(left("22:00:00", ["11:00:00", "22:00:00"])).toBeUndefined();
  });

  it("goes over midnight", () => {
    expect(left("23:30:00", ["22:00:00", "06:00:00"])).toBe(6.5 * 3600);
    expect(left("05:00:00", ["22:00:00", "06:00:00"])).toBe(3600);
    expect(left("12:00:00", ["22:00:00", "06:00:00"])).toBeUndefined();
  });

  it("goes by the zone that is named", () => {
    const times = [{ start: "09:00:00", end: "10:00:00" }];
    expect(remainingSeconds(times, "America/New_York", at("14:30:00"))).toBe(1800);
    expect(remainingSeconds(times, "Mars/Olympus", at("09:30:00"))).toBeUndefined();
  });
});

test("times of day and zones", () => {
  expect(["00:00:00", "23:59:59", "7:30:00"].every(isTimeOfDay)).toBe(true);
  expect(["24:00:00", "12:60:00", "12:00", "", "noon"].some(isTimeOfDay)).toBe(false);
  expect([isTimeZone("Europe/Berlin"), isTimeZone("Nowhere")]).toEqual([true, false]);
});
