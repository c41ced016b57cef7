import { deferred } from "@ganglion/kernel";
import { hash } from "@node-rs/bcrypt";
import { describe, expect, it, test } from "vitest";
import { isBcryptHash, isSecret } from "./secret.js";
import { isToken } from "./token.js";
import { Turnstile } from "./turnstile.js";
import { isPasswordOf } from "./user-password.js";

/** Of the least cost there is: the usual one would make every test take 200 ms. */
const hashed = await hash("s3cret", { cost: 4 });

test.each([
  [hashed, true],
  ["$2a$11$x", true],
  ["$2y$11$x", true],
  ["$2c$11$x", false],
  ["$2a$1$x", false],
  ["$2a", false],
  ["plain", false],
  ["x$2a$11$x", false],
])("isBcryptHash(%j) is %j", (stored, expected) => expect(isBcryptHash(stored)).toBe(expected));

describe("isSecret", () => {
  test.each([
    ["s3cret", "s3cret", true],
    ["s3cret", "s3cre", false],
    ["s3cret", "S3cret", false],
    ["", "", true],
    ["", "s3cret", false],
    ["pässwörd", "pässwörd", true],
  ])("plain: %j for %j is %j", async (given, stored, expected) =>
    expect(await isSecret(given, stored)).toBe(expected),
  );

  test.each(["2a", "2b", "2x", "2y"])("hashed as $%s$", async (version) => {
    const stored = hashed.replace(/^\$2\w/, `$${version}`);
    expect(await isSecret("s3cret", stored)).toBe(true);
    expect(await isSecret("s3cre", stored)).toBe(false);
    expect(await isSecret(stored, stored)).toBe(false);
  });

  it("is false for a hash that is damaged", async () => {
    expect(await isSecret("s3cret", hashed.slice(0, -1))).toBe(false);
    expect(await isSecret("s3cret", "$2a$99$")).toBe(false);
  });

  it("does not block the event loop while a hash is computed", async () => {
    const costly = await hash("x", { cost: 10 });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await Promise.all([1, 2, 3, 4].map(() => isSecret("x", costly)));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });
});

it("a user without password has the empty one, a token is never empty", async () => {
  expect(await isPasswordOf({}, "")).toBe(true);
  expect(await isPasswordOf({}, "x")).toBe(false);
  expect(await isPasswordOf({ password: hashed }, "s3cret")).toBe(true);
  expect(await isToken("", "")).toBe(false);
  expect(await isToken("t", "t")).toBe(true);
  expect(await isToken("s3cret", hashed)).toBe(true);
  expect(await isToken("t", "u")).toBe(false);
});

describe("Turnstile", () => {
  it("runs so many tasks at a time, in the order they came, also when some fail", async () => {
    const turnstile = new Turnstile(2);
    const gates = Array.from({ length: 5 }, () => deferred());
    const started: number[] = [];
    const runs = gates.map((gate, i) =>
      turnstile.run(async () => {
        started.push(i);
        await gate.promise;
        if (i === 1) throw new RangeError("one");
        return i;
      }),
    );
    const settled = Promise.allSettled(runs);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await turn();
    expect(started).toEqual([0, 1]);
    gates[1]?.resolve();
    await turn();
    expect(started).toEqual([0, 1, 2]);
    for (const gate of gates) gate.resolve();
    expect((await settled).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
      "fulfilled",
    ]);
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(await turnstile.run(async () => "again")).toBe("again");
  });
});
