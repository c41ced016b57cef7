import { describe, expect, it } from "vitest";
import * as z from "zod";
import { InvalidValue, WireForm } from "./wire-form.js";

const IsoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

describe("WireForm", () => {
  it("sends what the schema lets through and nothing else", () => {
    const form = new WireForm(z.object({ sku: z.string(), qty: z.number().default(1) }), true);
    expect(form.encodeText({ sku: "a", secret: "x" })).toBe('{"sku":"a","qty":1}');
    expect(form.decode('{"sku":"a","more":1}')).toEqual({ sku: "a", qty: 1 });
  });

  it("carries the input of a codec", () => {
    const form = new WireForm(z.object({ at: IsoDate }), true);
    expect(form.encodeText({ at: "2026-01-01T00:00:00Z" })).toBe('{"at":"2026-01-01T00:00:00.000Z"}');
    expect(form.decode('{"at":"2026-01-01T00:00:00Z"}')).toEqual({ at: new Date("2026-01-01") });
  });

  it("decodes a codec even when it need not validate", () => {
    const form = new WireForm(z.object({ at: IsoDate }), false);
    expect(form.decode('{"at":"2026-01-01T00:00:00Z"}')).toEqual({ at: new Date("2026-01-01") });
    expect(new WireForm(z.object({ a: z.string() }), false).decode('{"a":1}')).toEqual({ a: 1 });
    expect(new WireForm(z.object({ a: z.string().default("x") }), false).decode("{}")).toEqual({ a: "x" });
  });

  it("names the paths of what does not fit", () => {
    const form = new WireForm(z.object({ items: z.array(z.object({ sku: z.string() })) }), true);
    const error = thrown(() => form.decode('{"items":[{"sku":1}]}'));
    expect(error.issues).toEqual([{ path: "items[0].sku", message: expect.stringContaining("string") }]);
    expect(error.summary).toMatch(/^items\[0\]\.sku: /);
  });

  it("refuses a body that is no JSON", () => {
    const form = new WireForm(z.unknown(), true);
    expect(thrown(() => form.decode("{")).summary).toMatch(/^no JSON/);
  });

  it("writes nothing as an empty body", () => {
    for (const form of [new WireForm(z.void(), true), new WireForm(z.string().optional(), true)]) {
      expect(form.encodeText(undefined)).toHaveLength(0);
      expect(form.decode("")).toBeUndefined();
    }
    expect(() => new WireForm(z.string(), true).decode("")).toThrow(InvalidValue);
  });
});

function thrown(run: () => unknown): InvalidValue {
  try {
    run();
  } catch (error) {
    if (error instanceof InvalidValue) return error;
    throw error;
  }
  return expect.unreachable("nothing was thrown");
}
