import { VirtualClock } from "@ganglion/kernel";
import { filtersOverlap, isSubsetFilter, subjectMatches } from "@ganglion/protocol";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { PermissionRules } from "./permission-rules.js";
import { Permissions } from "./permissions.js";

const permissions = (rules: PermissionRules) => new Permissions(rules, new VirtualClock());

describe("mayPublish", () => {
  test.each<[PermissionRules, string, string]>([
    [{}, "a b.c", ""],
    [{ publish: {} }, "a b.c", ""],
    [{ publish: { allow: [] } }, "a b.c", ""],
    [{ publish: { allow: ["a", "b.*"] } }, "a b.c", "b a.x b.c.d c"],
    [{ publish: { allow: ["b.>"] } }, "b.c b.c.d", "b a"],
    [{ publish: { deny: ["a", "b.*"] } }, "b c b.c.d", "a b.c"],
    [{ publish: { allow: ["b.>"], deny: ["b.c", "b.*.x"] } }, "b.d b.c.d", "b.c b.c.x"],
    [{ publish: { deny: [">"] } }, "", "a a.b"],
    [{ responses: { max: 1, expiresMs: 1 } }, "", "a a.b"],
    [{ publish: { allow: ["a"] }, responses: { max: 1, expiresMs: 1 } }, "a", "b"],
    [{ publish: { allow: [], deny: ["a"] }, responses: { max: 1, expiresMs: 1 } }, "", "a b"],
    [{ subscribe: { deny: [">"] } }, "a", ""],
  ])("%j allows %j and not %j", (rules, allowed, denied) => {
    const split = (subjects: string) => subjects.split(" ").filter((x) => x !== "");
    const judge = permissions(rules);
    for (const pass of [1, 2]) {
      expect([pass, split(allowed).filter((x) => !judge.mayPublish(x))]).toEqual([pass, []]);
      expect([pass, split(denied).filter((x) => judge.mayPublish(x))]).toEqual([pass, []]);
    }
  });

  it("need not be asked when nothing limits publishing", () => {
    expect(permissions({ subscribe: { deny: ["a"] } }).limitsPublish).toBe(false);
    expect(permissions({ publish: { allow: ["a"] } }).limitsPublish).toBe(true);
    expect(permissions({ publish: { deny: ["a"] } }).limitsPublish).toBe(true);
    expect(permissions({ responses: { max: 1, expiresMs: 1 } }).limitsPublish).toBe(true);
  });

  it("answers the same for more subjects than it remembers", () => {
    const judge = permissions({ publish: { allow: ["a.*"], deny: ["a.1"] } });
    for (let i = 0; i < 5000; i++) expect(judge.mayPublish(`a.${i}`)).toBe(i !== 1);
    expect([judge.mayPublish("a.0"), judge.mayPublish("a.1")]).toEqual([true, false]);
  });
});

describe("maySubscribe", () => {
  test.each<[PermissionRules["subscribe"], string, string]>([
    [{}, "a > a.*", ""],
    [{ allow: [] }, "a > a.*", ""],
    [{ allow: ["a", "b.*"] }, "a b.c b.*", "b a.b b.c.d b.> > * *.*"],
    [{ allow: ["b.>"] }, "b.c b.* b.> b.*.c b.c.>", "b > *.>"],
    [{ deny: ["a", "b.*"] }, "b > * *.* b.c.d b.*.d", "a b.c b.* b.>"],
    [{ deny: ["b.>"] }, "a b > *.*", "b.c b.* b.>"],
    [{ allow: ["b.>"], deny: ["b.c"] }, "b.d b.> b.*", "b.c a"],
  ])("%j allows %j and not %j", (subscribe = {}, allowed, denied) => {
    const split = (subjects: string) => subjects.split(" ").filter((x) => x !== "");
    const judge = permissions({ subscribe });
    expect(split(allowed).filter((x) => !judge.maySubscribe(x))).toEqual([]);
    expect(split(denied).filter((x) => judge.maySubscribe(x))).toEqual([]);
  });

  it("does not let a wildcard reach beyond what is allowed, as nats-server does", () => {
    const judge = permissions({ subscribe: { allow: ["foo.*"] } });
    expect(subjectMatches("foo.*", "foo.>")).toBe(true);
    expect(judge.maySubscribe("foo.>")).toBe(false);
  });

  // The table of nats-server's documentation of queue permissions.
  test.each<[PermissionRules["subscribe"], [string, string | undefined][], [string, string | undefined][]]>([
    [
      { allow: ["foo", "foo v1", "foo v1.>", "foo *.dev"] },
      [
        ["foo", undefined],
        ["foo", "v1"],
        ["foo", "v1.x.y"],
        ["foo", "a.dev"],
      ],
      [
        ["foo", "v2"],
        ["foo", "a.prod"],
        ["bar", "v1"],
      ],
    ],
    [
      { allow: ["foo v1"] },
      [["foo", "v1"]],
      [
        ["foo", undefined],
        ["foo", "v2"],
      ],
    ],
    [
      { allow: ["foo"] },
      [
        ["foo", undefined],
        ["foo", "any"],
      ],
      [["bar", "any"]],
    ],
    [
      { allow: ["foo.* *.dev"] },
      [
        ["foo.a", "x.dev"],
        ["foo.*", "x.dev"],
      ],
      [
        ["foo.a", "x"],
        ["foo.>", "x.dev"],
      ],
    ],
    [
      { allow: [">"], deny: ["foo *.prod", "bar"] },
      [
        ["foo", undefined],
        ["foo", "x.dev"],
        ["baz", "x.prod"],
      ],
      [
        ["foo", "x.prod"],
        ["bar", undefined],
        ["bar", "x"],
      ],
    ],
    // A queue name with wildcard characters is that name, too.
    [{ allow: ["foo v1.*"] }, [["foo", "v1.*"]], [["foo", "v1.>"]]],
  ])("%j with queues", (subscribe = {}, allowed, denied) => {
    const judge = permissions({ subscribe });
    expect(allowed.filter(([subject, queue]) => !judge.maySubscribe(subject, queue))).toEqual([]);
    expect(denied.filter(([subject, queue]) => judge.maySubscribe(subject, queue))).toEqual([]);
  });
});

describe("deliveryFilter", () => {
  it("holds the denies that overlap the subscription", () => {
    const judge = permissions({ subscribe: { deny: ["a.b", "a.*.c", "x", "q *.dev"] } });
    expect(judge.deliveryFilter("a.*")?.denies).toEqual(["a.b"]);
    expect(judge.deliveryFilter("a.>")?.denies).toEqual(["a.b", "a.*.c"]);
    expect(judge.deliveryFilter(">")?.denies).toEqual(["a.b", "a.*.c", "x"]);
    expect(judge.deliveryFilter("*", "x.dev")?.denies).toEqual(["x", "q"]);
    expect(judge.deliveryFilter("b.>")).toBeUndefined();
    expect(judge.deliveryFilter("a.d")).toBeUndefined();
    expect(permissions({}).deliveryFilter(">")).toBeUndefined();
  });

  it("tells what must not be delivered, however often it is asked", () => {
    const filter = permissions({ subscribe: { deny: ["a.b", "a.*.c"] } }).deliveryFilter("a.>");
    for (const _ of [1, 2]) {
      expect(["a.b", "a.x.c"].map((subject) => filter?.isDenied(subject))).toEqual([true, true]);
      expect(["a.c", "a.x.d", "a.b.x"].map((subject) => filter?.isDenied(subject))).toEqual([
        false,
        false,
        false,
      ]);
    }
  });
});

describe("against a naive model (a failure prints its seed)", () => {
  const token = fc.constantFrom("a", "b");
  const subject = fc.array(token, { minLength: 1, maxLength: 3 }).map((tokens) => tokens.join("."));
  const filter = fc
    .tuple(fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 2 }), fc.constantFrom("a", "b", "*", ">"))
    .map(([head, last]) => [...head, last].join("."));
  const rules = fc.record({
    allow: fc.array(filter, { maxLength: 3 }),
    deny: fc.array(filter, { maxLength: 3 }),
  });

  test("nothing is delivered that is not allowed or that is denied", () => {
    fc.assert(
      fc.property(rules, filter, subject, (subscribe, wanted, message) => {
        const judge = permissions({ subscribe });
        if (!judge.maySubscribe(wanted) || !subjectMatches(wanted, message)) return;
        if (judge.deliveryFilter(wanted)?.isDenied(message)) return;
        const { allow, deny } = subscribe;
        expect(allow.length === 0 || allow.some((one) => subjectMatches(one, message))).toBe(true);
        expect(deny.some((one) => subjectMatches(one, message))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("a subscription that is allowed as a whole and denied nowhere gets everything", () => {
    fc.assert(
      fc.property(rules, filter, (subscribe, wanted) => {
        const { allow, deny } = subscribe;
        const isInside = allow.length === 0 || allow.some((one) => isSubsetFilter(wanted, one));
        if (!isInside || deny.some((one) => filtersOverlap(one, wanted))) return;
        const judge = permissions({ subscribe });
        expect([judge.maySubscribe(wanted), judge.deliveryFilter(wanted)]).toEqual([true, undefined]);
      }),
    );
  });
});

describe("allow_responses", () => {
  function setUp(responses: PermissionRules["responses"], publish: PermissionRules["publish"] = {}) {
    const clock = new VirtualClock();
    return { clock, judge: new Permissions({ publish, ...(responses && { responses }) }, clock) };
  }

  it("allows as many answers as it says, to replies that were delivered", () => {
    const { judge } = setUp({ max: 2, expiresMs: 1000 });
    expect(judge.grantsResponses).toBe(true);
    expect(judge.mayPublish("r")).toBe(false);
    judge.replyDelivered("r");
    expect([1, 2, 3].map(() => judge.mayPublish("r"))).toEqual([true, true, false]);
    expect(judge.mayPublish("s")).toBe(false);
  });

  it("ends when the time is over", () => {
    const { judge, clock } = setUp({ max: 5, expiresMs: 1000 });
    judge.replyDelivered("r");
    clock.advance(1000);
    expect(judge.mayPublish("r")).toBe(true);
    clock.advance(1);
    expect(judge.mayPublish("r")).toBe(false);
  });

  it("can be without limits", () => {
    const { judge, clock } = setUp({ max: -1, expiresMs: Number.POSITIVE_INFINITY });
    judge.replyDelivered("r");
    clock.advance(1e9);
    for (let i = 0; i < 100; i++) expect(judge.mayPublish("r")).toBe(true);
  });

  it("grants every delivery of the same reply subject", () => {
    const { judge } = setUp({ max: 1, expiresMs: 1000 });
    judge.replyDelivered("r");
    judge.replyDelivered("r");
    expect([1, 2, 3].map(() => judge.mayPublish("r"))).toEqual([true, true, false]);
  });

  it("is not used up by what is allowed anyway", () => {
    const { judge } = setUp({ max: 1, expiresMs: 1000 }, { allow: ["r.*"] });
    judge.replyDelivered("r.1");
    expect([1, 2, 3].map(() => judge.mayPublish("r.1"))).toEqual([true, true, true]);
  });

  it("reaches over a deny", () => {
    const { judge } = setUp({ max: 1, expiresMs: 1000 }, { deny: ["r"] });
    judge.replyDelivered("r");
    expect(judge.mayPublish("r")).toBe(true);
  });

  it("does nothing where the rules have none", () => {
    const judge = permissions({ publish: { allow: ["a"] } });
    judge.replyDelivered("r");
    expect([judge.grantsResponses, judge.mayPublish("r")]).toEqual([false, false]);
  });
});
