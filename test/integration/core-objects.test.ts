import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  type App,
  contract,
  Handler,
  type HandlerContext,
  type In,
  inject,
  type ObjectStore,
  objectRef,
  rpc,
  Service,
  token,
} from "@ganglion/core";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";

const Scans = contract("scans", {
  version: "1.0.0",
  size: rpc({ input: z.object({ image: objectRef }), output: z.number() }),
});
const Store = token<() => ObjectStore>("Store");

@Service(Scans)
class ScansService {
  private readonly store = inject(Store);
  @Handler(Scans.size)
  async size({ image }: In<typeof Scans.size>, _ctx: HandlerContext<typeof Scans.size>) {
    return (await this.store().redeem(image)).length;
  }
}

describeBrokers("objects", (startBroker) => {
  let broker: TestBroker;
  let app: App;
  let foreign: NatsConnection;

  beforeAll(async () => {
    broker = await startBroker();
    const providers = [{ provide: Store, useValue: () => app.objects("scans") }];
    app = await startApp({ services: [ScansService], nats: broker.url, providers });
    foreign = await connect({ servers: broker.url });
  });
  afterAll(async () => {
    await foreign.close();
    await app.stop();
    await broker.close();
  });
  const stateOf = async (bucket: string) =>
    (await (await foreign.jetstreamManager()).streams.info(`OBJ_${bucket}`)).state;

  it("of any size are stored, read and described", async () => {
    const store = app.objects("sizes");
    expect(await store.get("nothing")).toBeUndefined();
    for (const size of [0, 1, 128 * 1024, 300_000, 3_000_000]) {
      const bytes = randomBytes(size);
      const info = await store.put(`object ${size}/ü`, bytes, { description: "random" });
      expect(info).toMatchObject({ sizeBytes: size, chunks: Math.ceil(size / (128 * 1024)) });
      const read = await store.get(`object ${size}/ü`);
      expect(Buffer.compare(Buffer.from((await read?.bytes()) ?? []), bytes)).toBe(0);
      expect(await store.info(`object ${size}/ü`)).toMatchObject({ ...info, modified: expect.any(Date) });
    }
  });

  it("are written and read piece by piece", async () => {
    const parts = Array.from({ length: 100 }, (_, n) => Buffer.alloc(1_000 + n, n));
    const store = app.objects("pieces");
    await store.put("log", Readable.from(parts), { chunkBytes: 4_096 });
    const read = await store.get("log");
    const got: Uint8Array[] = [];
    for await (const part of read?.data ?? []) got.push(part);
    expect(got.length).toBe(read?.info.chunks);
    expect(Buffer.compare(Buffer.concat(got), Buffer.concat(parts))).toBe(0);
    for await (const part of read?.data ?? []) {
      expect(part.length).toBe(4_096);
      break; // leaving in the middle ends the read
    }
  });

  it("of other clients are the same ones", async () => {
    const theirs = await foreign.jetstream().views.os("shared");
    const store = app.objects("shared");
    const bytes = randomBytes(200_000);
    await store.put("ours", bytes);
    expect(Buffer.compare(Buffer.from((await theirs.getBlob("ours")) ?? []), bytes)).toBe(0);
    await theirs.putBlob({ name: "theirs" }, bytes);
    expect(Buffer.compare(Buffer.from((await (await store.get("theirs"))?.bytes()) ?? []), bytes)).toBe(0);
    await theirs.delete("theirs");
    expect(await store.info("theirs")).toBeUndefined();
    expect(await store.delete("ours")).toBe(true);
    expect((await theirs.info("ours"))?.deleted).toBe(true);
    expect(await store.delete("ours")).toBe(false);
  });

  it("that are replaced or fail leave nothing behind", async () => {
    const store = app.objects("tidy");
    await store.put("a", randomBytes(500_000));
    await store.put("a", randomBytes(10));
    // One chunk and one description.
    await waitFor(async () => (await stateOf("tidy")).messages === 2);
    async function* breaks() {
      yield randomBytes(300_000);
      throw new Error("source is gone");
    }
    await expect(store.put("b", breaks())).rejects.toThrow("source is gone");
    await waitFor(async () => (await stateOf("tidy")).messages === 2);
    expect(await store.info("b")).toBeUndefined();
  });

  it("that are damaged are not handed out", async () => {
    const store = app.objects("damage");
    const ref = await store.claim(randomBytes(400_000));
    await store.put("whole", randomBytes(10));
    const manager = await foreign.jetstreamManager();
    await manager.streams.deleteMessage("OBJ_damage", 2);
    await expect(store.redeem(ref)).rejects.toMatchObject({ code: "OBJECT_DAMAGED" });
    await expect(store.redeem({ ...ref, name: "gone" })).rejects.toMatchObject({ code: "NO_OBJECT" });
    await expect(store.redeem({ ...ref, name: "whole" })).rejects.toMatchObject({ code: "OBJECT_DAMAGED" });
  });

  it("stand in for bodies that are too large", async () => {
    const bytes = randomBytes(2_000_000);
    const image = await app.objects("scans").claim(bytes);
    expect(await app.client(Scans).size({ image })).toBe(2_000_000);
  });

  it("need a bucket whose name fits", () => {
    expect(() => app.objects("a.b")).toThrow(expect.objectContaining({ code: "INVALID_OPTIONS" }));
  });
});
