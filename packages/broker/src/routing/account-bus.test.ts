import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Account } from "../accounts/account.js";
import type { RoutedMessage } from "../jetstream/account-bus.js";

function account() {
  return new Account("A");
}

function text(data: Uint8Array): string {
  return Buffer.from(data).toString();
}

function plain(subject: string, payload = "", reply?: string) {
  return { subject, reply, headerSizeBytes: 0, data: Buffer.from(payload) };
}

describe("RouterBus", () => {
  test("routes to internal subscribers with everything a handler needs", () => {
    const { bus } = account();
    const seen: unknown[] = [];
    const stop = bus.subscribe("a.*", (message) => {
      seen.push({ ...message, data: text(message.data) });
    });
    const data = Buffer.from("NATS/1.0\r\n\r\nhi");
    expect(bus.publish({ subject: "a.b", reply: "r", headerSizeBytes: 12, data })).toBe(1);
    expect(bus.publish(plain("a.b", "é", "ü"))).toBe(1);
    expect(bus.publish(plain("b"))).toBe(0);
    stop();
    stop();
    expect(bus.publish(plain("a.b"))).toBe(0);
    expect(seen).toEqual([
      { subject: "a.b", reply: "r", headerSizeBytes: 12, data: "NATS/1.0\r\n\r\nhi", origin: undefined },
      { subject: "a.b", reply: "ü", headerSizeBytes: 0, data: "é", origin: undefined },
    ]);
  });

  test("a handler may publish while it is called, without spoiling the message for others", () => {
    const { bus } = account();
    const seen: string[] = [];
    bus.subscribe("in", () => bus.publish(plain("out", "nested and longer than the first")));
    bus.subscribe("in", ({ data, subject }) => seen.push(`${subject} ${text(data)}`));
    bus.subscribe("out", ({ data, subject }) => seen.push(`${subject} ${text(data)}`));
    expect(bus.publish(plain("in", "first", "r"))).toBe(2);
    expect(seen).toEqual(["out nested and longer than the first", "in first"]);
  });

  test("delivers under another subject than the one that routes", () => {
    const { bus } = account();
    let seen: RoutedMessage | undefined;
    bus.subscribe("deliver.here", (message) => {
      seen = message;
    });
    bus.publish({ ...plain("deliver.here"), deliverAs: "orders.1" });
    expect(seen?.subject).toBe("orders.1");
    bus.publish(plain("deliver.here"));
    expect(seen?.subject).toBe("deliver.here");
  });

  test("carries payloads larger than its reused memory", () => {
    const { bus } = account();
    const payload = "x".repeat(100_000);
    let seen = "";
    bus.subscribe("big", ({ data }) => {
      seen = text(data);
    });
    bus.publish(plain("big", payload, "reply"));
    expect(seen).toBe(payload);
  });

  test("hasInterest and watchInterest agree with the subscriptions, at every step (a failure prints its seed)", () => {
    const filter = fc.constantFrom("a", "a.b", "a.*", "*.b", ">", "c");
    fc.assert(
      fc.property(fc.array(filter, { maxLength: 30 }), (toggles) => {
        const { bus } = account();
        const active = new Map<string, () => void>();
        const changes: boolean[] = [];
        const watch = bus.watchInterest("a.b", undefined, (value) => changes.push(value));
        for (const text of toggles) {
          const stop = active.get(text);
          if (stop === undefined) {
            active.set(
              text,
              bus.subscribe(text, () => {}),
            );
          } else {
            stop();
            active.delete(text);
          }
          const expected = ["a.b", "a.*", "*.b", ">"].some((known) => active.has(known));
          expect(bus.hasInterest("a.b")).toBe(expected);
          expect(watch.active).toBe(expected);
          expect(changes.at(-1) ?? false).toBe(expected);
        }
        expect(changes.every((value, i) => value === (i % 2 === 0))).toBe(true);
        watch.stop();
        const count = changes.length;
        bus.subscribe("a.b", () => {});
        bus.subscribe(">", () => {})();
        expect(changes.length).toBe(count);
      }),
    );
  });

  test("watches a queue group apart from plain interest", () => {
    const { bus } = account();
    const changes: boolean[] = [];
    const watch = bus.watchInterest("d", "workers", (value) => changes.push(value));
    bus.subscribe("d", () => {});
    expect(bus.hasInterest("d")).toBe(true);
    expect(bus.hasInterest("d", "workers")).toBe(false);
    expect(watch.active).toBe(false);
    expect(changes).toEqual([]);
  });

  test("whenWritable calls back at once when nobody is slow", () => {
    const { bus } = account();
    let called = 0;
    bus.subscribe("a", () => {});
    bus.whenWritable("a", () => called++);
    bus.whenWritable("nobody", () => called++);
    expect(called).toBe(2);
  });
});
