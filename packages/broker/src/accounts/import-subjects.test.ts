import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importSubjects } from "./import-subjects.js";

function service(subject: string, to: string) {
  return importSubjects({ kind: "service", account: "A", subject, to, share: false });
}

function stream(subject: string, rest: { readonly to?: string; readonly prefix?: string }) {
  return importSubjects({ kind: "stream", account: "A", subject, ...rest });
}

describe("importSubjects", () => {
  it("names a stream in the importing account", () => {
    const names = (subject: string, rest: { to?: string; prefix?: string }, published: string) => {
      const { local, toLocal } = stream(subject, rest);
      return [local, toLocal(published)];
    };
    expect(names("a.*", {}, "a.x")).toEqual(["a.*", "a.x"]);
    expect(names("a.*", { prefix: "p" }, "a.x")).toEqual(["p.a.*", "p.a.x"]);
    expect(names("a.>", { to: "b.>" }, "a.x.y")).toEqual(["b.>", "b.x.y"]);
    expect(names("a.*.*", { to: "b.$2.$1" }, "a.x.y")).toEqual(["b.*.*", "b.y.x"]);
    expect(names("a.*.*", { to: "b.*.c.*" }, "a.x.y")).toEqual(["b.*.c.*", "b.x.c.y"]);
    expect(names("a.*.>", { to: "b.{{wildcard(1)}}.c.>" }, "a.x.y.z")).toEqual(["b.*.c.>", "b.x.c.y.z"]);
    expect(names("a", { to: "b" }, "a")).toEqual(["b", "b"]);
    expect(stream("a.*", { to: "b.*" }).toLocal("c.x")).toBeUndefined();
  });

  it("names a service in the exporting account", () => {
    expect(service("svc", "mine").toRemote("mine")).toBe("svc");
    // Whatever is asked for, it is the one service.
    expect(service("svc", "mine.*").toRemote("mine.x")).toBe("svc");
    expect(service("svc.*.*", "mine.$2.x.$1").toRemote("mine.b.x.a")).toBe("svc.a.b");
    expect(service("svc.>", "mine.>").toRemote("mine.a.b")).toBe("svc.a.b");
  });

  it("comes back to where it was, in whatever order the wildcards are", () => {
    const order = fc.integer({ min: 1, max: 4 }).chain((count) => {
      const places = Array.from({ length: count }, (_, i) => i + 1);
      return fc.shuffledSubarray(places, { minLength: count, maxLength: count });
    });
    fc.assert(
      fc.property(
        order,
        fc.array(fc.stringMatching(/^[a-z0-9]{1,3}$/), { minLength: 4 }),
        (places, values) => {
          const subject = ["svc", ...places.map(() => "*")].join(".");
          const { toLocal, toRemote } = service(subject, ["mine", ...places.map((n) => `$${n}`)].join("."));
          const remote = ["svc", ...values.slice(0, places.length)].join(".");
          expect(toRemote(toLocal(remote) ?? "")).toBe(remote);
        },
      ),
    );
  });
});
