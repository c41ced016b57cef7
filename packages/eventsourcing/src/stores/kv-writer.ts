import type { JetStream, StoredMessage } from "@ganglion/core/internal";
import { type Clock, isGanglionError } from "@ganglion/kernel";
import { eventSourcingError } from "../errors.js";
import type { Awaitable, Checkpoint, GenerationWriter } from "../projection/read-model.js";
import { RowBuffer, type Rows } from "../projection/rows.js";
import { casAppend } from "./kv-append.js";
import {
  COMMIT_HEADER,
  type Commit,
  type CommittedRow,
  decodeCommit,
  encodeCommit,
  OPERATION_HEADER,
} from "./kv-commit.js";
import { bucketStream, commitSubject, rowSubject } from "./kv-keys.js";

/** What a {@link KvWriter} works with. */
export interface KvWriterPorts {
  readonly jetstream: JetStream;
  readonly clock: Clock;
  readonly projection: string;
  readonly generation: string;
  /** This process. */
  readonly owner: string;
  /** Largest commit, in bytes. */
  readonly maxCommitBytes: number;
  readonly leaseMs: number;
}

/** A row as this writer last saw it. */
interface KnownRow {
  /** `null`: there is none. */
  readonly json: string | null;
  /** Of the message that holds it; 0: there never was one. The next write compares with it. */
  readonly sequence: number;
  /** Number of the commit that wrote it. */
  readonly commit: number;
}

/** Rows a writer remembers, so that a row that changes often is read once. */
const MAX_KNOWN_ROWS = 20_000;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Writes one generation into a NATS bucket.
 *
 * A bucket has no transactions, so a batch is stored in two moves. First one compare-and-set append of a
 * {@link Commit}, which holds the new checkpoint and all changed rows: from then on the batch is stored. Then each
 * row is copied to its own key, compared with the sequence the writer last saw there. Killed in between, the next
 * writer reads the commit, copies the rows that do not carry its number yet, and goes on behind its checkpoint:
 * nothing is missed and nothing is applied twice.
 *
 * Two writers cannot harm each other: taking over appends a commit, so the old writer's next one loses; and a copy
 * it still has on its way loses against the row the new writer has copied.
 */
export class KvWriter<Row> implements GenerationWriter<Rows<Row>> {
  private readonly known = new Map<string, KnownRow>();
  /** Every row of the generation is in `known`: one that is not there does not exist. */
  private complete: boolean;
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(
    private readonly ports: KvWriterPorts,
    private commit: Commit,
    private sequence: number,
  ) {
    this.complete = commit.number === 0;
  }

  /**
   * Takes over a generation.
   *
   * @param last - its last commit, with its sequence; `undefined`: it is new.
   * @returns `undefined` when another process was faster.
   */
  static async claim<Row>(
    ports: KvWriterPorts,
    last: { readonly commit: Commit; readonly sequence: number } | undefined,
  ): Promise<KvWriter<Row> | undefined> {
    const writer = new KvWriter<Row>(ports, last?.commit ?? EMPTY, last?.sequence ?? 0);
    try {
      await writer.append({});
      await writer.copyRows();
      return writer;
    } catch (error) {
      if (isGanglionError(error, "PROJECTION_FENCED")) return undefined;
      throw error;
    }
  }

  get renewEveryMs(): number {
    return this.ports.leaseMs / 3;
  }

  get checkpoint(): Checkpoint {
    return this.commit.checkpoint;
  }

  async apply(work: (view: Rows<Row>) => Awaitable<void>, checkpoint: Checkpoint): Promise<void> {
    const buffer = new RowBuffer<Row>((key) => this.load(key));
    await work(buffer);
    const rows = [...buffer.written].map(([key, row]): CommittedRow => [key, jsonOf(key, row)]);
    const number = this.commit.number + 1;
    const next = { checkpoint: { ...this.commit.checkpoint, ...checkpoint }, rows, rowsNumber: number };
    this.checkSize(rows);
    await this.inTurn(async () => {
      await this.append(next);
      await this.copyRows();
    });
  }

  async renew(): Promise<void> {
    await this.inTurn(async () => {
      const dueMs = this.commit.atMs + this.renewEveryMs / 2; // a commit renews too
      if (!this.closed && this.ports.clock.nowMs() >= dueMs) await this.append({});
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    // When it cannot be given back, the lease runs out.
    await this.inTurn(() => this.append({ owner: "" })).catch(() => {});
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.turn.then(work);
    this.turn = turn.catch(() => {});
    return turn;
  }

  private async append(change: Partial<Commit>): Promise<void> {
    const { ports } = this;
    const owned = { ...this.commit, owner: ports.owner, ...change };
    const commit: Commit = { ...owned, number: this.commit.number + 1, atMs: ports.clock.nowMs() };
    this.sequence = await casAppend(ports, {
      stream: bucketStream(ports.projection),
      subject: commitSubject(ports.projection, ports.generation),
      data: encodeCommit(commit),
      expected: this.sequence,
      isOwn: ({ data }) => {
        const last = decodeCommit(data);
        return last.owner === commit.owner && last.number === commit.number && last.atMs === commit.atMs;
      },
    });
    this.commit = commit;
  }

  /** Copies the rows of the commit to their keys. A row that carries its number has been copied before. */
  private async copyRows(): Promise<void> {
    const { rows, rowsNumber } = this.commit;
    const copies = rows.map(async ([key, json]) => {
      const before = this.known.get(key) ?? (await this.read(key));
      if (before.commit === rowsNumber) return;
      this.remember(key, { json, sequence: await this.copy(key, json, before.sequence), commit: rowsNumber });
    });
    await Promise.all(copies);
  }

  private copy(key: string, json: string | null, expected: number): Promise<number> {
    const { projection, generation } = this.ports;
    const number = String(this.commit.rowsNumber);
    return casAppend(this.ports, {
      stream: bucketStream(projection),
      subject: rowSubject(projection, generation, key),
      data: json === null ? NOTHING : encoder.encode(json),
      headers: [[COMMIT_HEADER, number], ...(json === null ? [[OPERATION_HEADER, "DEL"] as const] : [])],
      expected,
      isOwn: ({ headers }) => headers.get(COMMIT_HEADER) === number,
    });
  }

  private load(key: string): Awaitable<Row | undefined> {
    const known = this.known.get(key);
    if (known !== undefined) return rowValue<Row>(known);
    if (this.complete) return undefined;
    return this.read(key).then((row) => rowValue<Row>(row));
  }

  private async read(key: string): Promise<KnownRow> {
    if (this.complete) return ABSENT;
    const { jetstream, projection, generation } = this.ports;
    const query = { lastOf: rowSubject(projection, generation, key) };
    const message = await jetstream.get(bucketStream(projection), query, { consistency: "leader" });
    const row = message === undefined ? ABSENT : rowOf(message);
    this.remember(key, row);
    return row;
  }

  private remember(key: string, row: KnownRow): void {
    this.known.delete(key); // the newest stand last
    this.known.set(key, row);
    if (this.known.size <= MAX_KNOWN_ROWS) return;
    const [oldest] = this.known.keys();
    if (oldest !== undefined) this.known.delete(oldest);
    this.complete = false;
  }

  private checkSize(rows: readonly CommittedRow[]): void {
    const { maxCommitBytes } = this.ports;
    let sizeBytes = 0;
    for (const [key, json] of rows) sizeBytes += 3 * key.length + 3 * (json?.length ?? 4); // UTF-8: at most 3 per unit
    if (sizeBytes <= maxCommitBytes) return;
    if (encodeCommit({ ...this.commit, rows }).length <= maxCommitBytes) return;
    throw eventSourcingError(
      "PROJECTION_BATCH_TOO_LARGE",
      `${rows.length} rows need more than ${maxCommitBytes} bytes`,
      { details: { rows: rows.length, maxCommitBytes } },
    );
  }
}

const EMPTY: Commit = { number: 0, checkpoint: {}, rows: [], rowsNumber: 0, owner: "", atMs: 0 };
const ABSENT: KnownRow = { json: null, sequence: 0, commit: 0 };

function jsonOf(key: string, row: unknown): string | null {
  if (row === undefined || row === null) return null;
  let json: string | undefined;
  let cause: unknown;
  try {
    json = JSON.stringify(row);
  } catch (error) {
    cause = error;
  }
  if (json !== undefined) return json;
  throw eventSourcingError("PROJECTION_INVALID_ROW", `Row ${JSON.stringify(key)} is nothing JSON can hold`, {
    details: { key },
    cause,
  });
}

function rowValue<Row>({ json }: KnownRow): Row | undefined {
  return json === null ? undefined : (JSON.parse(json) as Row); // written by a handler of the same class
}

function rowOf(message: StoredMessage): KnownRow {
  return {
    json: message.headers.get(OPERATION_HEADER) === undefined ? decoder.decode(message.data) : null,
    sequence: message.sequence,
    commit: Number(message.headers.get(COMMIT_HEADER) ?? 0),
  };
}
