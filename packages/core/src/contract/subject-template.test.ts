import { describe, expect, it } from "vitest";
import { SubjectTemplate } from "./subject-template.js";

describe("SubjectTemplate", () => {
  it("renders, listens and reads named tokens", () => {
    const template = new SubjectTemplate("orders.{region}.{id}.created");
    expect(template.pattern).toBe("orders.*.*.created");
    expect(template.paramNames).toEqual(["region", "id"]);
    expect(template.render({ region: "us", id: "7" })).toBe("orders.us.7.created");
    expect(template.params("orders.us.7.created")).toEqual({ region: "us", id: "7" });
  });

  it("with wildcards can be listened on and not be sent to", () => {
    const template = new SubjectTemplate("orders.{region}.>");
    expect(template.pattern).toBe("orders.*.>");
    expect(template.params("orders.us.a.b")).toEqual({ region: "us" });
    expect(() => template.render({ region: "us" })).toThrow("holds wildcards");
  });

  it.each(["", "a..b", "a b", "a.>.b", "a.{1x}", "a.{x", "a.*b"])("refuses %j", (text) => {
    expect(() => new SubjectTemplate(text)).toThrow("Invalid subject");
  });

  it("refuses a name that is used twice", () => {
    expect(() => new SubjectTemplate("{a}.{a}")).toThrow("names a token twice");
  });

  it.each([undefined, "", "a.b", "a b", "*", ">", "x\r\nPUB"])("refuses the value %j", (id) => {
    const template = new SubjectTemplate("device.{id}");
    expect(() => template.render(id === undefined ? {} : { id })).toThrow("needs the parameter id");
  });
});
