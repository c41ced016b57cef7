import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestOperator } from "../../auth/jwt/jwt-fixture.js";
import { DirectoryResolver } from "./directory-resolver.js";
import { JwtDirectory } from "./jwt-directory.js";

const operator = new TestOperator();
const account = operator.account({}, { iat: 1000 });
const other = operator.account({}, { iat: 1000 });
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-jwt-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("JwtDirectory", () => {
  it("keeps one file for each account, which another process finds", async () => {
    const store = await JwtDirectory.open({ directory: join(directory, "new") });
    expect(await store.save(account.publicKey, account.token)).toBe(true);
    expect(await store.save(account.publicKey, account.token)).toBe(false);
    expect(readdirSync(join(directory, "new"))).toEqual([`${account.publicKey}.jwt`]);
    expect(readFileSync(join(directory, "new", `${account.publicKey}.jwt`), "utf8")).toBe(account.token);
    const second = await JwtDirectory.open({ directory: join(directory, "new") });
    expect(second.keys()).toEqual([account.publicKey]);
    expect(await second.load(account.publicKey)).toBe(account.token);
    expect(second.hash()).toEqual(store.hash());
  });

  it("does not read or write anything but accounts", async () => {
    writeFileSync(join(directory, "notes.jwt"), "secret");
    const store = await JwtDirectory.open({ directory });
    expect(store.keys()).toEqual([]);
    for (const key of ["notes", "../notes", `../${account.publicKey}`, "", operator.key.publicKey]) {
      expect(await store.load(key)).toBeUndefined();
      await expect(store.save(key, "x")).rejects.toMatchObject({ code: "ACCOUNT_UNRESOLVED" });
    }
  });

  it("keeps the newer of two tokens", async () => {
    const store = await JwtDirectory.open({ directory });
    await store.save(account.publicKey, account.token);
    const newer = account.signed({ default_permissions: { pub: { deny: ["x"] } } }, { iat: 1001 });
    expect(await store.saveIfNewer(account.publicKey, newer)).toBe(true);
    expect(await store.saveIfNewer(account.publicKey, account.token)).toBe(false);
    expect(await new DirectoryResolver(store).fetch(account.publicKey)).toBe(newer);
  });

  it("removes what a process has left that was killed while it wrote, and nothing else", async () => {
    const unfinished = `${account.publicKey}.jwt.0b6cf8a3-5d2e-4a53-8a2f-0c3f2a1f9e11.tmp`;
    for (const name of [unfinished, "notes.tmp"]) writeFileSync(join(directory, name), "half");
    const store = await JwtDirectory.open({ directory });
    expect([store.keys(), readdirSync(directory)]).toEqual([[], ["notes.tmp"]]);
  });

  it("finds out what was changed behind its back", async () => {
    const store = await JwtDirectory.open({ directory });
    await store.save(account.publicKey, account.token);
    expect(await store.reload()).toEqual([]);
    writeFileSync(join(directory, `${other.publicKey}.jwt`), other.token);
    expect(await store.reload()).toEqual([other.publicKey]);
  });

  it("refuses to delete, renames or removes, as it was told", async () => {
    for (const [deleteMode, left] of [
      ["refuse", [`${account.publicKey}.jwt`]],
      ["rename", [`${account.publicKey}.jwt.deleted`]],
      ["remove", []],
    ] as const) {
      const own = join(directory, deleteMode);
      const store = await JwtDirectory.open({ directory: own, deleteMode });
      await store.save(account.publicKey, account.token);
      if (deleteMode === "refuse") {
        await expect(store.delete(account.publicKey)).rejects.toThrow("delete must be enabled");
      } else {
        expect(await store.delete(account.publicKey)).toBe(true);
        expect(await store.delete(account.publicKey)).toBe(false);
        expect(await store.load(account.publicKey)).toBeUndefined();
      }
      expect(readdirSync(own)).toEqual(left);
    }
  });

  it("refuses an account more than its limit, or forgets the one that was not used for longest", async () => {
    const full = await JwtDirectory.open({ directory: join(directory, "full"), limit: 1 });
    await full.save(account.publicKey, account.token);
    await expect(full.save(other.publicKey, other.token)).rejects.toThrow("jwt store is full");
    expect(await full.save(account.publicKey, account.signed({}, { iat: 1001 }))).toBe(true);
    const third = operator.account();
    const cache = await JwtDirectory.open({ directory: join(directory, "cache"), limit: 2, evicts: true });
    await cache.save(account.publicKey, account.token);
    await cache.save(other.publicKey, other.token);
    await cache.load(account.publicKey);
    await cache.save(third.publicKey, third.token);
    expect(cache.keys()).toEqual([account.publicKey, third.publicKey]);
    expect(readdirSync(join(directory, "cache")).toSorted()).toEqual(
      [account, third].map(({ publicKey }) => `${publicKey}.jwt`).toSorted(),
    );
  });

  it("has one hash for all tokens, in whatever order they came", async () => {
    const [one, two] = await Promise.all(
      ["one", "two"].map((name) => JwtDirectory.open({ directory: join(directory, name) })),
    );
    await one?.save(account.publicKey, account.token);
    await one?.save(other.publicKey, other.token);
    await two?.save(other.publicKey, other.token);
    expect(two?.hash()).not.toEqual(one?.hash());
    await two?.save(account.publicKey, account.token);
    expect(two?.hash()).toEqual(one?.hash());
  });
});
