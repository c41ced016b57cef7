import { createHash } from "node:crypto";
import { waitFor } from "@ganglion/testing";
import { expect, it } from "vitest";
import { describeClients } from "../support/describe-clients.js";

/** Bytes that do not repeat with the chunk size. */
function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) % 256);
}

function sha256(data: Uint8Array): string {
  return `SHA-256=${createHash("sha256").update(data).digest("base64").replaceAll("+", "-").replaceAll("/", "_")}`;
}

function streamOf(data: Uint8Array, pieceSize: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < data.length; at += pieceSize)
        controller.enqueue(data.subarray(at, at + pieceSize));
      controller.close();
    },
  });
}

async function readAll(stream: ReadableStream<Uint8Array> | undefined): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  if (stream !== undefined) for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

describeClients("object stores", ({ library, connect, unique }) => {
  const openStore = async (options: Parameters<typeof library.objects>[2] = {}) => {
    const connection = await connect();
    const name = unique("objects");
    return { connection, name, store: await library.objects(connection, name, options) };
  };

  it("put and get keep content, digest and metadata", async () => {
    const { store, name } = await openStore();
    const data = pattern(1_000);
    const info = await store.putBlob({ name: "a file, with: signs", description: "first" }, data);
    expect(info).toMatchObject({
      bucket: name,
      size: 1_000,
      chunks: 1,
      deleted: false,
      digest: sha256(data),
    });
    expect(Buffer.compare((await store.getBlob("a file, with: signs")) ?? new Uint8Array(), data)).toBe(0);
    expect(await store.info("a file, with: signs")).toMatchObject({
      description: "first",
      nuid: info.nuid,
    });
    expect(await store.info("absent")).toBeNull();
    expect(await store.get("absent")).toBeNull();
  });

  it("an object of many chunks goes in and out as a stream", async () => {
    const { store } = await openStore();
    const data = pattern(3_000_000);
    const info = await store.put({ name: "large" }, streamOf(data, 100_000));
    expect(info).toMatchObject({
      size: data.length,
      chunks: Math.ceil(data.length / 131_072),
      digest: sha256(data),
    });
    const result = await store.get("large");
    expect(Buffer.compare(await readAll(result?.data), data)).toBe(0);
    expect((await result?.error) ?? null).toBeNull();
  });

  it("an object takes the chunk size it is given, and may be empty", async () => {
    const { store } = await openStore();
    const meta = { name: "small-chunks", options: { max_chunk_size: 1_000 } };
    expect(await store.putBlob(meta, pattern(2_500))).toMatchObject({ chunks: 3, size: 2_500 });
    expect(await store.putBlob({ name: "empty" }, new Uint8Array(0))).toMatchObject({ size: 0, chunks: 0 });
    expect((await store.getBlob("empty"))?.length).toBe(0);
  });

  it("putting a name again replaces the object and frees the old chunks", async () => {
    const { store, connection, name } = await openStore();
    await store.putBlob({ name: "report" }, pattern(300_000));
    const second = pattern(10);
    await store.putBlob({ name: "report" }, second);
    expect([...((await store.getBlob("report")) ?? [])]).toEqual([...second]);
    const { state } = await (await library.manager(connection)).streams.info(`OBJ_${name}`);
    expect(state.messages).toBe(2); // one chunk and the metadata
  });

  it("list shows what is there, delete removes it", async () => {
    const { store } = await openStore();
    for (const name of ["one", "two", "three"]) await store.putBlob({ name }, pattern(10));
    expect(await store.delete("two")).toMatchObject({ success: true, purged: 1 });
    expect((await store.list()).map((info) => info.name).sort()).toEqual(["one", "three"]);
    expect(await store.getBlob("two")).toBeNull();
    expect(await store.info("two")).toMatchObject({ deleted: true, size: 0 });
  });

  it("watch tells about puts and deletes", async () => {
    const { store } = await openStore();
    await store.putBlob({ name: "old" }, pattern(1));
    const told: string[] = [];
    const watcher = await store.watch({ includeHistory: true });
    void (async () => {
      // A client marks the end of the present objects with an empty entry.
      for await (const info of watcher)
        if (info?.name !== undefined) told.push(`${info.deleted ? "-" : "+"}${info.name}`);
    })();
    await waitFor(() => told.length === 1, { what: "the present object" });
    await store.putBlob({ name: "new" }, pattern(1));
    await store.delete("old");
    await waitFor(() => told.length === 3, { what: "the changes" });
    expect(told).toEqual(["+old", "+new", "-old"]);
    watcher.stop();
  });

  it("links, renames and seals", async () => {
    const { store } = await openStore();
    const info = await store.putBlob({ name: "source" }, pattern(100));
    await store.link("alias", info);
    expect((await store.getBlob("alias"))?.length).toBe(100);
    await store.update("source", { name: "renamed", description: "moved" });
    expect(await store.info("source")).toSatisfy((found) => found === null || found.deleted);
    expect(await store.info("renamed")).toMatchObject({ description: "moved", size: 100 });
    expect(await store.seal()).toMatchObject({ sealed: true });
    const failure = await store.putBlob({ name: "late" }, pattern(1)).then(() => "none", library.failure);
    expect(failure).toBe("api error 10109");
  });

  it("status tells about the store, and destroy removes it", async () => {
    const { store, name } = await openStore({ description: "files" });
    await store.putBlob({ name: "x" }, pattern(1_000));
    const status = await store.status();
    expect(status).toMatchObject({ bucket: name, description: "files", sealed: false });
    expect(status.size).toBeGreaterThan(1_000);
    expect(await store.destroy()).toBe(true);
  });
});
