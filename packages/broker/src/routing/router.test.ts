import { subjectMatches } from "@ganglion/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Router } from "./router.js";
import { Subscription } from "./subscription.js";

function namesOf(router: Router, subject: string): string[] {
  const bytes = Buffer.from(`..${subject}..`);
  const route = router.find(bytes, 2, bytes.length - 2);
  expect(router.findText(subject)).toBe(route);
  return [...route.targets, ...route.groups.flat()].map((target) => target.subscription.subject).sort();
}

describe("Router", () => {
  const filter = fc.constantFrom("a", "a.b", "a.*", "*.b", ">", "a.>", "é.b", "a.b.c");
  const subject = fc.constantFrom("a", "a.b", "é.b", "a.b.c", "z");

  test("finds what matches, however its cache was filled before (a failure prints its seed)", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(filter, subject), { maxLength: 40 }), (steps) => {
        const router = new Router();
        const active = new Map<string, Subscription>();
        for (const [text, looked] of steps) {
          const known = active.get(text);
          if (known !== undefined) {
            router.remove(known);
            active.delete(text);
          } else {
            const added = new Subscription(text, { handler: () => {} });
            router.add(added);
            active.set(text, added);
          }
          const expected = [...active.keys()].filter((candidate) => subjectMatches(candidate, looked));
          expect(namesOf(router, looked)).toEqual(expected.sort());
          expect(router.subscriptionCount).toBe(active.size);
        }
      }),
    );
  });

  test("lets subjects with an empty token reach nobody", () => {
    const router = new Router();
    router.add(new Subscription(">", { handler: () => {} }));
    expect(["", ".", "a.", ".a", "a..b"].filter((subject) => !router.findText(subject).isEmpty)).toEqual([]);
    expect(router.findText("a.b").isEmpty).toBe(false);
  });

  test("marks a route stale whenever it no longer says what the subscriptions say", () => {
    const router = new Router();
    const before = router.findText("a.b");
    router.add(new Subscription("a.c", { handler: () => {} }));
    expect(before.stale).toBe(false);
    const literal = new Subscription("a.b", { handler: () => {} });
    router.add(literal);
    expect(before.stale).toBe(true);
    const second = router.findText("a.b");
    router.add(new Subscription("*.b", { handler: () => {} }));
    expect(second.stale).toBe(true);
    const third = router.findText("a.b");
    router.remove(literal);
    expect(third.stale).toBe(true);
  });

  test("marks the routes it evicts from its cache as stale", () => {
    const router = new Router();
    const routes = Array.from({ length: 20_000 }, (_, i) => router.findText(`s.${i}`));
    const current = routes.filter((route) => !route.stale);
    expect(current.length).toBeGreaterThan(1000);
    expect(current.length).toBeLessThanOrEqual(4096);
    for (const route of current) expect(router.findText(route.subject)).toBe(route);
  });

  test("puts the members of a queue group together, also those of different filters", () => {
    const router = new Router();
    const handlerless = { subscriber: undefined as never, sid: "1" }; // routing does not look at the subscriber
    router.add(new Subscription("a.*", { ...handlerless, queue: "q" }));
    router.add(new Subscription("a.b", { ...handlerless, queue: "q" }));
    router.add(new Subscription("a.b", { ...handlerless, queue: "r" }));
    const route = router.findText("a.b");
    expect(route.targets).toEqual([]);
    expect(route.groups.map((group) => group.length).sort()).toEqual([1, 2]);
  });
});
