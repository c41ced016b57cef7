import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { FileSystem } from "../file-system.js";
import type { StoredMetadata } from "../storage.js";

/*
 * Metadata is kept in two files of the same content, `<name>.a.json` and `<name>.b.json`:
 *
 *    ganglion-metadata 1 <generation> <crc32 of "<generation>\n<JSON>", 8 hex digits>\n
 *    <JSON>
 *
 * The higher generation with a right checksum counts.
 */

const COPIES = ["a", "b"] as const;
const FILE_NAME = /^(.+)\.[ab]\.json$/;
const FIRST_LINE = /^ganglion-metadata 1 (\d{1,15}) ([0-9a-f]{8})\n/;

/** The name both copies share, when `name` is one of them. */
export function parseManifestName(name: string): string | undefined {
  return FILE_NAME.exec(name)?.[1];
}

/** What reading both copies gave. */
export interface ManifestContent {
  readonly generation: number;
  /** Undefined when no copy is intact. */
  readonly metadata: StoredMetadata | undefined;
  /** Copies that cannot be read. */
  readonly damagedPaths: readonly string[];
  /** Whether both copies are there and of the same generation; otherwise saving again repairs them. */
  readonly complete: boolean;
}

interface ManifestCopy {
  readonly generation: number;
  readonly metadata: StoredMetadata | undefined;
  readonly damaged: boolean;
}

const DAMAGED: ManifestCopy = { generation: 0, metadata: undefined, damaged: true };

/** Metadata of a stream or consumer in two checked copies. */
export class Manifest {
  private generation = 0;

  /** @param name - name of the files without `.a.json`. */
  constructor(
    private readonly fileSystem: FileSystem,
    private readonly directory: string,
    private readonly name: string,
  ) {}

  /** Reads both copies. Damage is told, not thrown. */
  load(): ManifestContent {
    const copies = COPIES.map((copy) => ({ path: this.path(copy), content: this.loadCopy(copy) }));
    const generation = Math.max(...copies.map(({ content }) => content.generation));
    const newest = copies.find(({ content }) => content.generation === generation)?.content;
    this.generation = generation;
    return {
      generation,
      metadata: newest?.metadata,
      damagedPaths: copies.filter(({ content }) => content.damaged).map(({ path }) => path),
      complete: copies.every(({ content }) => content.generation === generation),
    };
  }

  /** Replaces the metadata. Resolves when both copies are durable. Only one call at a time. */
  async save(metadata: StoredMetadata): Promise<void> {
    const generation = ++this.generation;
    const bytes = encode(generation, metadata);
    for (const copy of COPIES) {
      const path = this.path(copy);
      const file = await this.fileSystem.open(`${path}.new`);
      try {
        await file.truncate(0);
        await file.write(0, [bytes]);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.fileSystem.rename(`${path}.new`, path);
    }
    await this.fileSystem.syncDirectory(this.directory);
  }

  /** Removes both copies. Resolves when that is durable. */
  async remove(): Promise<void> {
    for (const copy of COPIES) await this.fileSystem.remove(this.path(copy));
    await this.fileSystem.syncDirectory(this.directory);
  }

  private loadCopy(copy: string): ManifestCopy {
    const path = this.path(copy);
    let sizeBytes = 0;
    try {
      sizeBytes = this.fileSystem.sizeOf(path);
    } catch {
      return { generation: 0, metadata: undefined, damaged: false }; // missing
    }
    try {
      const bytes = Buffer.alloc(sizeBytes);
      return decode(bytes.subarray(0, this.fileSystem.read(path, 0, bytes))) ?? DAMAGED;
    } catch {
      return DAMAGED; // unreadable
    }
  }

  private path(copy: string): string {
    return join(this.directory, `${this.name}.${copy}.json`);
  }
}

function encode(generation: number, metadata: StoredMetadata): Buffer {
  const json = JSON.stringify(metadata);
  const checksum = crc32(`${generation}\n${json}`).toString(16).padStart(8, "0");
  return Buffer.from(`ganglion-metadata 1 ${generation} ${checksum}\n${json}`, "utf8");
}

function decode(bytes: Buffer): ManifestCopy | undefined {
  const text = bytes.toString("utf8");
  const match = FIRST_LINE.exec(text);
  if (match === null) return undefined;
  const json = text.slice(match[0].length);
  if (crc32(`${match[1]}\n${json}`) !== Number.parseInt(match[2] ?? "", 16)) return undefined;
  return { generation: Number(match[1]), metadata: JSON.parse(json) as StoredMetadata, damaged: false };
}
