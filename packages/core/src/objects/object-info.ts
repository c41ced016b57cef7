import { createHash } from "node:crypto";
import * as z from "zod";

/**
 * Schema of a reference to an object, for contracts whose messages are too large for the broker: the bytes are put
 * into an object store, and the message carries the claim to them.
 *
 * @example const Scan = rpc({ input: z.object({ image: objectRef }), output: z.string() });
 */
export const objectRef = z.object({
  bucket: z.string(),
  name: z.string(),
  sizeBytes: z.number().int().min(0),
  /** `SHA-256=` and the digest in base64url. */
  digest: z.string(),
});

/** A claim to an object. */
export type ObjectRef = z.infer<typeof objectRef>;

/** What is known of an object. */
export interface ObjectInfo extends ObjectRef {
  readonly description: string | undefined;
  readonly chunks: number;
  readonly modified: Date;
}

/** What the stream keeps of an object. Source: ADR-20, "ObjectInfo". */
export const StoredInfo = z.object({
  name: z.string(),
  description: z.string().optional(),
  bucket: z.string(),
  nuid: z.string(),
  size: z.number(),
  chunks: z.number(),
  digest: z.string().optional(),
  deleted: z.boolean().optional(),
  options: z.object({ link: z.unknown().optional(), max_chunk_size: z.number().optional() }).optional(),
});

export type StoredInfo = z.infer<typeof StoredInfo>;

/** Stream of a bucket. */
export function objectStream(bucket: string): string {
  return `OBJ_${bucket}`;
}

export function chunkSubject(bucket: string, nuid: string): string {
  return `$O.${bucket}.C.${nuid}`;
}

/** Names of objects may be anything: they are encoded. Source: ADR-20, "Object Name". */
export function infoSubject(bucket: string, name: string): string {
  return `$O.${bucket}.M.${padded(Buffer.from(name).toString("base64url"))}`;
}

/** A digest as ADR-20 writes it. */
export class Digest {
  private readonly hash = createHash("sha256");

  update(bytes: Uint8Array): void {
    this.hash.update(bytes);
  }

  toString(): string {
    return `SHA-256=${padded(this.hash.digest("base64url"))}`;
  }
}

function padded(base64url: string): string {
  return base64url.padEnd(Math.ceil(base64url.length / 4) * 4, "=");
}
