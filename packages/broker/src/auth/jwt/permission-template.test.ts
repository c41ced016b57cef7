import { expect, it } from "vitest";
import type { PermissionRules } from "../permission-rules.js";
import { TestOperator } from "./jwt-fixture.js";
import { fillTemplates } from "./permission-template.js";
import { decodeUserClaims } from "./user-claims.js";

const account = new TestOperator().account();
const tags = ["region:eu", "region:us", "team:blue"];
const user = decodeUserClaims(account.user({ tags }, { name: "ann" }).token);
const fill = (rules: PermissionRules) => fillTemplates(rules, user, { name: "acme", tags: ["plan:gold"] });
const publish = (...allow: string[]) => fill({ publish: { allow } })?.publish;

it("fills in names, keys and tags", () => {
  expect(
    publish("{{name()}}.in", "{{ subject() }}.x", "a.{{account-name()}}", "b.{{account-subject()}}"),
  ).toEqual({
    allow: ["ann.in", `${user.subject}.x`, "a.acme", `b.${account.publicKey}`],
  });
  expect(publish("t.{{tag(team)}}", "t.{{account-tag(plan)}}", "{{NAME()}}")).toEqual({
    allow: ["t.blue", "t.gold", "ann"],
  });
});

it("makes a subject for every combination of values", () => {
  const { allow } = publish("{{tag(region)}}.{{tag(team)}}.{{name()}}") ?? {};
  expect(allow).toEqual(["eu.blue.ann", "us.blue.ann"]);
});

it("leaves lists without templates and the other rules alone", () => {
  const rules = { publish: { allow: ["a.>"], deny: ["a.b"] }, responses: { max: 1, expiresMs: 5 } };
  expect(fill(rules)).toEqual(rules);
});

it("drops an allowed subject that would be invalid, and denies all when none is left", () => {
  expect(publish("ok", "t.{{tag(absent)}}")).toEqual({ allow: ["ok"] });
  expect(publish("t.{{tag(absent)}}")).toEqual({ deny: [">"] });
});

it("lets nobody in with an unknown template, a denied subject that is invalid, or too many subjects", () => {
  expect(publish("{{unknown()}}")).toBeUndefined();
  expect(fill({ subscribe: { deny: ["t.{{tag(absent)}}"] } })).toBeUndefined();
  const many = decodeUserClaims(account.user({ tags: Array.from({ length: 70 }, (_, i) => `n:${i}`) }).token);
  const rules = { publish: { allow: ["{{tag(n)}}.{{tag(n)}}"] } };
  expect(fillTemplates(rules, many, { name: "", tags: [] })).toBeUndefined();
});

it("does not fill templates that a value brings", () => {
  const sly = decodeUserClaims(account.user({}, { name: "{{subject()}}" }).token);
  expect(
    fillTemplates({ publish: { allow: ["{{name()}}.x"] } }, sly, { name: "", tags: [] })?.publish,
  ).toEqual({
    allow: ["{{subject()}}.x"],
  });
});
