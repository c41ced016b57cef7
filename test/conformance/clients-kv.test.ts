import { waitFor } from "@ganglion/testing";
import type { KV, KvWatchEntry } from "@nats-io/kv";
import { expect, it } from "vitest";
import { describeClients, take } from "../support/describe-clients.js";

describeClients("key-value buckets", ({ library, connect, unique }) => {
  const openBucket = async (options: Parameters<typeof library.bucket>[2] = {}) => {
    const connection = await connect();
    const name = unique("bucket");
    return { connection, name, bucket: await library.bucket(connection, name, options) };
  };

  /** Keeps what a watch tells as `operation key=value`. */
  const watch = async (bucket: KV, options: Parameters<KV["watch"]>[0] = {}) => {
    const told: string[] = [];
    const entries = await bucket.watch(options);
    void (async () => {
      for await (const entry of entries) told.push(show(entry));
    })();
    return { told, entries };
  };

  it("put, get and delete keep the last value and count revisions", async () => {
    const { bucket } = await openBucket();
    expect(await bucket.get("color")).toBeNull();
    expect(await bucket.put("color", "red")).toBe(1);
    expect(await bucket.put("color", "blue")).toBe(2);
    const entry = await bucket.get("color");
    expect(entry).toMatchObject({ key: "color", revision: 2, operation: "PUT" });
    expect(entry?.string()).toBe("blue");
    expect(Math.abs(Date.now() - (entry?.created.getTime() ?? 0))).toBeLessThan(60_000);
    await bucket.delete("color");
    const deleted = await bucket.get("color");
    expect(deleted?.operation ?? "DEL").toBe("DEL");
    expect(await bucket.put("a.b/c=d_e-f", new Uint8Array([0, 255]))).toBe(4);
    expect([...((await bucket.get("a.b/c=d_e-f"))?.value ?? [])]).toEqual([0, 255]);
  });

  it("create and update compare with what is there", async () => {
    const { bucket } = await openBucket();
    const failure = (call: Promise<unknown>) => call.then(() => "none", library.failure);
    const revision = await bucket.create("lock", "one");
    expect(await failure(bucket.create("lock", "two"))).toBe("api error 10071");
    expect(await failure(bucket.update("lock", "two", revision + 1))).toBe("api error 10071");
    const second = await bucket.update("lock", "two", revision);
    expect(second).toBe(revision + 1);
    expect(await failure(bucket.update("lock", "three", revision))).toBe("api error 10071");
    await bucket.delete("lock");
    expect(await bucket.create("lock", "again")).toBe(4);
    expect((await bucket.get("lock"))?.string()).toBe("again");
  });

  it("one of many concurrent updates of a revision wins", async () => {
    const { bucket } = await openBucket();
    const revision = await bucket.create("counter", "0");
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => bucket.update("counter", `${n}`, revision)),
    );
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
    expect((await bucket.get("counter"))?.revision).toBe(2);
  });

  it("history keeps as many values as the bucket says, purge keeps none", async () => {
    const { bucket } = await openBucket({ history: 3 });
    for (const value of ["1", "2", "3", "4"]) await bucket.put("key", value);
    await bucket.put("other", "x");
    const history = async () => (await take(await bucket.history({ key: "key" }), 3)).map(show);
    expect(await history()).toEqual(["PUT key=2", "PUT key=3", "PUT key=4"]);
    expect((await bucket.get("key", { revision: 3 }))?.string()).toBe("3");
    await bucket.delete("key");
    expect(await history()).toEqual(["PUT key=3", "PUT key=4", "DEL key="]);
    await bucket.purge("key");
    expect((await take(await bucket.history({ key: "key" }), 1)).map(show)).toEqual(["PURGE key="]);
    expect((await bucket.get("other"))?.string()).toBe("x");
  });

  it("keys lists what is there, by pattern too", async () => {
    const { bucket } = await openBucket();
    for (const key of ["a.1", "a.2", "b.1", "gone"]) await bucket.put(key, "");
    await bucket.delete("gone");
    const keys = async (filter?: string) => {
      const found: string[] = [];
      for await (const key of await bucket.keys(filter)) found.push(key);
      return found.sort();
    };
    expect(await keys()).toEqual(["a.1", "a.2", "b.1"]);
    expect(await keys("a.*")).toEqual(["a.1", "a.2"]);
  });

  it("watch tells the present values, then every change", async () => {
    const { bucket } = await openBucket();
    await bucket.put("a.1", "old");
    await bucket.put("b.1", "old");
    const all = await watch(bucket);
    const part = await watch(bucket, { key: "a.*" });
    await waitFor(() => all.told.length === 2 && part.told.length === 1, { what: "the present values" });
    await bucket.put("a.2", "new");
    await bucket.put("b.2", "new");
    await bucket.delete("a.1");
    await bucket.purge("b.1");
    await waitFor(() => all.told.length === 6 && part.told.length === 3, { what: "the changes" });
    expect(all.told).toEqual([
      "PUT a.1=old",
      "PUT b.1=old",
      "PUT a.2=new",
      "PUT b.2=new",
      "DEL a.1=",
      "PURGE b.1=",
    ]);
    expect(part.told).toEqual(["PUT a.1=old", "PUT a.2=new", "DEL a.1="]);
    for (const { entries } of [all, part]) entries.stop();
  });

  it("watch can leave out deletes, the past or the values' history", async () => {
    const { bucket } = await openBucket({ history: 5 });
    await bucket.put("key", "1");
    await bucket.put("key", "2");
    const history = await watch(bucket, { include: "history" });
    const updates = await watch(bucket, { include: "updates", ignoreDeletes: true });
    await waitFor(() => history.told.length === 2, { what: "the history" });
    await bucket.delete("key");
    await bucket.put("key", "3");
    await waitFor(() => history.told.length === 4 && updates.told.length === 1, { what: "the update" });
    expect(history.told).toEqual(["PUT key=1", "PUT key=2", "DEL key=", "PUT key=3"]);
    expect(updates.told).toEqual(["PUT key=3"]);
    for (const { entries } of [history, updates]) entries.stop();
  });

  it("a value over the bucket's limit is refused", async () => {
    const { bucket } = await openBucket({ maxValueSize: 10 });
    await bucket.put("key", "0123456789");
    const failure = await bucket.put("key", "0123456789a").then(() => "none", library.failure);
    expect(failure).toBe("api error 10054");
  });

  it("values older than the bucket's time to live are gone", async () => {
    const { bucket } = await openBucket({ ttl: 500 });
    await bucket.put("key", "short");
    expect((await bucket.get("key"))?.string()).toBe("short");
    await waitFor(async () => (await bucket.get("key")) === null, {
      timeoutMs: 8_000,
      what: "the value to expire",
    });
  });

  it("status tells about the bucket, and destroy removes it", async () => {
    const { bucket, name, connection } = await openBucket({ history: 4, description: "settings" });
    await bucket.put("a", "1");
    await bucket.put("a", "2");
    expect(await bucket.status()).toMatchObject({
      bucket: name,
      history: 4,
      values: 2,
      description: "settings",
    });
    expect(await bucket.destroy()).toBe(true);
    const manager = await library.manager(connection);
    const gone = await manager.streams.info(`KV_${name}`).then(() => "none", library.failure);
    expect(gone).toBe("api error 10059");
  });
});

function show(entry: KvWatchEntry): string {
  return `${entry.operation} ${entry.key}=${entry.string()}`;
}
