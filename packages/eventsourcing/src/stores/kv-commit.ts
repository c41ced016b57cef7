import { eventSourcingError } from "../errors.js";
import type { Checkpoint } from "../projection/read-model.js";

/** One row a commit writes: its key and its JSON; `null` removes it. */
export type CommittedRow = readonly [key: string, json: string | null];

/**
 * The last commit of a generation: a redo log of one entry. It holds the checkpoint and every row of a batch in one
 * message, so that both are stored or neither; the rows are copied to their own keys afterwards.
 */
export interface Commit {
  /** Counts the commits of a generation, from 1. */
  readonly number: number;
  readonly checkpoint: Checkpoint;
  readonly rows: readonly CommittedRow[];
  /** Number of the commit that wrote `rows`; one that only claims or renews keeps it. Rows carry it. */
  readonly rowsNumber: number;
  /** The process that writes the generation; `""`: none does. */
  readonly owner: string;
  /** By the owner's clock, in milliseconds since 1970. */
  readonly atMs: number;
}

/** Header of a row with the number of the commit that wrote it. */
export const COMMIT_HEADER = "Ganglion-Commit";
/** Marks a removed key with the value `DEL`. Source: ADR-8 (JetStream based Key-Value Stores). */
export const OPERATION_HEADER = "KV-Operation";

const FORMAT = 1;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `{"format":1,…,"rows":[["key",<row>],…]}`; rows are JSON already and are put in as they are. */
export function encodeCommit({ rows, ...rest }: Commit): Uint8Array {
  const head = JSON.stringify({ format: FORMAT, ...rest });
  const list = rows.map(([key, json]) => `[${JSON.stringify(key)},${json ?? "null"}]`);
  return encoder.encode(`${head.slice(0, -1)},"rows":[${list.join(",")}]}`);
}

/** @throws GanglionError `PROJECTION_CORRUPT` */
export function decodeCommit(data: Uint8Array): Commit {
  const value = parse(data) as Omit<Commit, "rows"> & { format: number; rows: [string, unknown][] };
  if (value.format !== FORMAT) {
    throw corrupt(`has format ${JSON.stringify(value.format)}, ${FORMAT} is known`);
  }
  const { format: _, rows, ...rest } = value;
  return { ...rest, rows: rows.map(([key, row]) => [key, row === null ? null : JSON.stringify(row)]) };
}

function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch (cause) {
    throw corrupt("is not JSON", cause);
  }
}

function corrupt(why: string, cause?: unknown) {
  return eventSourcingError("PROJECTION_CORRUPT", `The last commit of a read model ${why}`, { cause });
}
