import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@ganglion/kernel";
import { type FileSystem, NodeFileSystem, openFileStorage, type WritableFile } from "@ganglion/store";
import { expect, it, vi } from "vitest";
import { JetStreamFixture } from "./jetstream-fixture.js";

type Call = "write" | "sync" | "rename";

/** The file system of this machine, of which some calls fail while `failing` names them. */
class FailingDisk extends NodeFileSystem implements FileSystem {
  failing: { readonly calls: readonly Call[]; readonly code: string } | undefined;

  override async open(path: string): Promise<WritableFile> {
    const file = await super.open(path);
    return {
      write: async (position, chunks) => {
        this.check("write");
        await file.write(position, chunks);
      },
      sync: async () => {
        this.check("sync");
        await file.sync();
      },
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      close: () => file.close(),
    };
  }

  override async rename(from: string, to: string): Promise<void> {
    this.check("rename");
    await super.rename(from, to);
  }

  private check(call: Call): void {
    const { failing } = this;
    if (failing?.calls.includes(call)) {
      throw Object.assign(new Error(`${failing.code}: simulated, ${call}`), { code: failing.code });
    }
  }
}

it.each<[string, readonly Call[]]>([
  ["ENOSPC", ["write"]],
  ["EIO", ["sync"]],
  ["EIO", ["write", "sync", "rename"]],
])(
  "with %s on %j publishes are refused with the reason, the rest goes on, and all is well afterwards",
  async (code, calls) => {
    const directory = await mkdtemp(join(tmpdir(), "ganglion-full-"));
    const clock = new VirtualClock();
    const disk = new FailingDisk();
    const storage = await openFileStorage({ directory, clock, fileSystem: disk });
    const js = await JetStreamFixture.start({ clock, fileStorage: storage });
    const publish = async (payload: string) => JSON.parse((await js.publish("S.a", payload).next()).payload);
    await js.stream("S", { storage: "file" });
    await js.stream("M");
    expect(await publish("before")).toEqual({ stream: "S", seq: 1 });

    disk.failing = { calls, code };
    const refused = { code: 503, err_code: 10077, description: expect.stringContaining(code) };
    expect(await publish("lost")).toMatchObject({ error: refused });
    expect(await publish("refused at once")).toMatchObject({ error: refused });
    const health = () => js.jetstream.account("TEST")?.findStream("S")?.store.messages.health();
    expect(health()?.failure).toContain(code);
    const { message } = await js.ask<{ message: { data: string } }>("STREAM.MSG.GET.S", { seq: 1 });
    expect(Buffer.from(message.data, "base64").toString()).toBe("before");
    expect(JSON.parse((await js.publish("M.a", "memory").next()).payload)).toMatchObject({
      stream: "M",
      seq: 1,
    });
    await js.advance(1_000);
    expect(await publish("still refused")).toMatchObject({ error: refused });

    disk.failing = undefined;
    await vi.waitFor(async () => {
      await js.advance(5_000);
      expect(health()?.failure).toBeUndefined();
    }, 10_000);
    expect(await publish("after")).toMatchObject({ stream: "S" });
    const { messages } = await js.streamState("S");
    expect([messages, health()?.failure]).toEqual([2, undefined]);
    await js.jetstream.close();
    await storage.close();

    const again = await openFileStorage({ directory, clock });
    const recovered = await JetStreamFixture.start({ clock, fileStorage: again });
    expect(await recovered.streamState("S")).toMatchObject({ messages: 2 });
    await recovered.jetstream.close();
    await again.close();
    await rm(directory, { recursive: true });
  },
);
