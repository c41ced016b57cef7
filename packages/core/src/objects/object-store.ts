import { randomBytes } from "node:crypto";
import { type Duration, durationMs, isGanglionError } from "@ganglion/kernel";
import { coreError } from "../errors.js";
import type { AppInternals } from "../runtime/app-internals.js";
import type { ResourcePlan } from "../topology/resource.js";
import type { StoredMessage } from "../transport/message.js";
import { Handoff } from "./handoff.js";
import {
  chunkSubject,
  Digest,
  infoSubject,
  type ObjectInfo,
  type ObjectRef,
  objectStream,
  StoredInfo,
} from "./object-info.js";

/** Bytes of an object, at once or piece by piece. A Node stream is such an iterable. */
export type ObjectData = Uint8Array | AsyncIterable<Uint8Array>;

/** Options of an object store. */
export interface ObjectStoreOptions {
  /** How long objects are kept. @default until they are deleted */
  readonly ttl?: Duration;
  /** Bytes all objects may take together; more are refused. @default unlimited */
  readonly maxBytes?: number;
}

/** Options of {@link ObjectStore.put}. */
export interface PutOptions {
  readonly description?: string;
  /** @default 128 KiB */
  readonly chunkBytes?: number;
}

/** An object that is being read. */
export interface ReadObject {
  readonly info: ObjectInfo;
  /** The bytes, piece by piece, with back-pressure. Ends with `OBJECT_DAMAGED` when they are not what was stored. */
  readonly data: AsyncIterable<Uint8Array>;
  /** All bytes, checked. */
  bytes(): Promise<Uint8Array>;
}

const DEFAULT_CHUNK_BYTES = 128 * 1024;
/** Chunks on their way to the server. */
const IN_FLIGHT = 16;

/**
 * Large objects in a stream, in the form every NATS client reads and writes.
 *
 * Source: ADR-20 (Object Store).
 */
export class ObjectStore {
  private readonly stream: string;
  private prepared: Promise<void> | undefined;

  constructor(
    readonly bucket: string,
    private readonly app: Pick<AppInternals, "transport" | "provide" | "streams">,
    private readonly options: ObjectStoreOptions = {},
  ) {
    if (!/^[A-Za-z0-9_-]+$/.test(bucket)) {
      throw coreError(
        "INVALID_OPTIONS",
        `Invalid bucket ${JSON.stringify(bucket)}: letters, digits, - and _ are allowed`,
      );
    }
    this.stream = objectStream(bucket);
  }

  /**
   * Stores an object; one of that name is replaced once the new one is complete.
   *
   * @throws GanglionError `JETSTREAM_ERROR` when the bucket is full
   */
  async put(name: string, data: ObjectData, options: PutOptions = {}): Promise<ObjectInfo> {
    await this.prepare();
    const { chunkBytes = DEFAULT_CHUNK_BYTES, description } = options;
    const previous = await this.stored(name);
    const nuid = randomBytes(11).toString("hex");
    try {
      const written = await this.write(nuid, pieces(data, chunkBytes));
      const info: StoredInfo = {
        name,
        ...(description !== undefined && { description }),
        bucket: this.bucket,
        nuid,
        ...written,
        options: { max_chunk_size: chunkBytes },
      };
      await this.writeInfo(info);
      if (previous !== undefined) await this.purge(previous.info.nuid);
      return describe(info, this.app.transport.clock.nowMs());
    } catch (error) {
      await this.purge(nuid).catch(() => {}); // what is left of it is only space
      throw error;
    }
  }

  /** Stores bytes under a name of their own, for a message to carry the claim to them. */
  async claim(data: ObjectData, options?: PutOptions): Promise<ObjectRef> {
    const { bucket, name, sizeBytes, digest } = await this.put(
      randomBytes(11).toString("hex"),
      data,
      options,
    );
    return { bucket, name, sizeBytes, digest };
  }

  /**
   * The bytes of a claim.
   *
   * @throws GanglionError `NO_OBJECT`; `OBJECT_DAMAGED`, also when the object is not the one that was claimed
   */
  async redeem({ bucket, name, digest }: ObjectRef): Promise<Uint8Array> {
    const store = bucket === this.bucket ? this : new ObjectStore(bucket, this.app, this.options);
    const object = await store.get(name);
    if (object === undefined) {
      throw coreError("NO_OBJECT", `There is no object ${JSON.stringify(name)} in ${bucket}`, {
        details: { bucket, name },
      });
    }
    if (object.info.digest !== digest) throw damaged(bucket, name, "it was replaced since it was claimed");
    return object.bytes();
  }

  /** An object; undefined when there is none of that name. */
  async get(name: string): Promise<ReadObject | undefined> {
    const found = await this.stored(name);
    if (found === undefined) return undefined;
    const data = () => this.read(found.info);
    return {
      info: describe(found.info, found.atMs),
      data: { [Symbol.asyncIterator]: () => data() },
      bytes: async () => {
        const parts: Uint8Array[] = [];
        for await (const part of data()) parts.push(part);
        return Buffer.concat(parts);
      },
    };
  }

  /** What is known of an object; undefined when there is none of that name. */
  async info(name: string): Promise<ObjectInfo | undefined> {
    const found = await this.stored(name);
    return found && describe(found.info, found.atMs);
  }

  /** @returns false when there was none. */
  async delete(name: string): Promise<boolean> {
    const found = await this.stored(name);
    if (found === undefined) return false;
    const { digest: _, ...info } = found.info;
    await this.writeInfo({ ...info, size: 0, chunks: 0, deleted: true });
    await this.purge(info.nuid);
    return true;
  }

  private async prepare(): Promise<void> {
    this.prepared ??= this.app.provide([this.plan()]).catch((error) => {
      this.prepared = undefined;
      throw error;
    });
    await this.prepared;
  }

  private plan(): ResourcePlan {
    const { ttl, maxBytes } = this.options;
    const spec = {
      ...this.app.streams,
      name: this.stream,
      description: `Objects of ${this.bucket}`,
      subjects: [`$O.${this.bucket}.C.>`, `$O.${this.bucket}.M.>`],
      discard: "new",
      allowRollup: true,
      ...(ttl !== undefined && { maxAgeMs: durationMs(ttl, "ttl") }),
      ...(maxBytes !== undefined && { maxBytes }),
    } as const;
    return { kind: "stream", spec, neededBy: `objects of ${this.bucket}` };
  }

  private async write(
    nuid: string,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<Pick<StoredInfo, "size" | "chunks" | "digest">> {
    const { jetstream } = this.app.transport;
    const subject = chunkSubject(this.bucket, nuid);
    const digest = new Digest();
    const inFlight = new Set<Promise<unknown>>();
    let failure: { readonly error: unknown } | undefined;
    let size = 0;
    let count = 0;
    for await (const chunk of chunks) {
      digest.update(chunk);
      size += chunk.length;
      count++;
      const sent: Promise<unknown> = jetstream
        .append(subject, chunk, { expectedStream: this.stream })
        .catch((error: unknown) => {
          failure = { error };
        })
        .finally(() => inFlight.delete(sent));
      inFlight.add(sent);
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
      if (failure !== undefined) break;
    }
    await Promise.all(inFlight);
    if (failure !== undefined) throw failure.error;
    return { size, chunks: count, digest: digest.toString() };
  }

  private async writeInfo(info: StoredInfo): Promise<void> {
    await this.app.transport.jetstream.append(infoSubject(this.bucket, info.name), JSON.stringify(info), {
      headers: [["Nats-Rollup", "sub"]],
      expectedStream: this.stream,
    });
  }

  private async purge(nuid: string): Promise<void> {
    const subject = chunkSubject(this.bucket, nuid);
    await this.app.transport.jetstream.streams.purge(this.stream, { subject });
  }

  /** Links to other objects, which other clients can make, are not followed. */
  private async stored(name: string): Promise<{ info: StoredInfo; atMs: number } | undefined> {
    const query = { lastOf: infoSubject(this.bucket, name) };
    let message: StoredMessage | undefined;
    try {
      message = await this.app.transport.jetstream.get(this.stream, query, { consistency: "leader" });
    } catch (error) {
      if (isGanglionError(error, "NO_STREAM")) return undefined;
      throw error;
    }
    if (message === undefined) return undefined;
    const info = StoredInfo.safeParse(JSON.parse(message.text()));
    if (!info.success) throw damaged(this.bucket, name, "its description cannot be read");
    if (info.data.options?.link !== undefined) throw damaged(this.bucket, name, "it is a link");
    return info.data.deleted === true ? undefined : { info: info.data, atMs: message.timestampMs };
  }

  private async *read(info: StoredInfo): AsyncGenerator<Uint8Array> {
    const { jetstream } = this.app.transport;
    if (info.chunks > 0) {
      const handoff = new Handoff<readonly StoredMessage[]>();
      const reading = await jetstream.readOrdered(this.stream, {
        filterSubjects: [chunkSubject(this.bucket, info.nuid)],
        maxBatch: IN_FLIGHT,
        onBatch: (messages) => handoff.offer(messages),
        onCaughtUp: () => handoff.end(),
      });
      reading.closed.catch(() => handoff.end());
      try {
        yield* this.checked(info, handoff);
      } finally {
        handoff.end();
        await reading.stop();
      }
    }
  }

  private async *checked(
    info: StoredInfo,
    handoff: Handoff<readonly StoredMessage[]>,
  ): AsyncGenerator<Uint8Array> {
    const digest = new Digest();
    let chunks = 0;
    while (chunks < info.chunks) {
      const batch = await handoff.take();
      if (batch === undefined) throw damaged(this.bucket, info.name, "chunks are missing");
      for (const { data } of batch) {
        digest.update(data);
        chunks++;
        yield data;
      }
    }
    if (info.digest !== undefined && digest.toString() !== info.digest) {
      throw damaged(this.bucket, info.name, "its bytes do not have its digest");
    }
  }
}

function describe(info: StoredInfo, atMs: number): ObjectInfo {
  const { bucket, name, size, chunks, digest = "", description } = info;
  return { bucket, name, sizeBytes: size, digest, description, chunks, modified: new Date(atMs) };
}

function damaged(bucket: string, name: string, reason: string) {
  return coreError(
    "OBJECT_DAMAGED",
    `The object ${JSON.stringify(name)} in ${bucket} cannot be used: ${reason}`,
    {
      details: { bucket, name },
    },
  );
}

/** Cuts data into chunks of one size, but for the last. */
async function* pieces(data: ObjectData, chunkBytes: number): AsyncGenerator<Uint8Array> {
  if (data instanceof Uint8Array) {
    for (let at = 0; at < data.length; at += chunkBytes) yield data.subarray(at, at + chunkBytes);
    return;
  }
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const part of data) {
    waiting.push(part);
    size += part.length;
    if (size < chunkBytes) continue;
    const joined = Buffer.concat(waiting);
    const end = size - (size % chunkBytes);
    for (let at = 0; at < end; at += chunkBytes) yield joined.subarray(at, at + chunkBytes);
    waiting = [joined.subarray(end)];
    size -= end;
  }
  if (size > 0) yield Buffer.concat(waiting);
}
