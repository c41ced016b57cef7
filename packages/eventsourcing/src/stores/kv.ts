import type { AppInternals, ResourcePlan, StoredMessage } from "@ganglion/core/internal";
import { type Duration, deferred, durationMs, isGanglionError } from "@ganglion/kernel";
import { eventSourcingError } from "../errors.js";
import type {
  Checkpoint,
  Generation,
  GenerationWriter,
  ModelState,
  ReadModel,
  ReadModelStore,
  Row,
  StoreScope,
} from "../projection/read-model.js";
import type { Rows } from "../projection/rows.js";
import { casAppend } from "./kv-append.js";
import { type Commit, decodeCommit, OPERATION_HEADER } from "./kv-commit.js";
import {
  bucketOf,
  bucketStream,
  commitSubject,
  keyOf,
  rowFilter,
  rowSubject,
  stateSubject,
} from "./kv-keys.js";
import { KvWriter } from "./kv-writer.js";

/** Options of {@link kv}. */
export interface KvStoreOptions {
  /** Copies in a cluster, 1 to 5. @default that of the app's streams */
  readonly replicas?: number;
  /** @default that of the app's streams */
  readonly storage?: "file" | "memory";
  /** How long a process may be silent before another one takes over writing; at least 500 ms. @default "10s" */
  readonly lease?: Duration;
}

/**
 * Keeps rows as JSON in a NATS bucket, one per projection: shared by all processes, kept over restarts, readable with
 * `nats kv`. Rows and checkpoint move together, see `KvWriter`. Queries see a row a moment after its batch.
 */
export function kv<Value>(options: KvStoreOptions = {}): ReadModelStore<Rows<Value>> {
  const leaseMs = durationMs(options.lease ?? "10s", "lease");
  if (leaseMs < MIN_LEASE_MS) {
    const message = `kv({ lease }) must be at least ${MIN_LEASE_MS} ms, not ${leaseMs} ms`;
    throw eventSourcingError("PROJECTION_INVALID_DEFINITION", message, { details: { leaseMs } });
  }
  return {
    description: "kv",
    open: (scope) => new KvReadModel<Value>(scope, { ...options, lease: leaseMs }),
  };
}

const MIN_LEASE_MS = 500;
/** Queries look for a switch by another process this often; the old generation is there for longer. */
const STATE_CACHE_MS = 500;
/** Leaves room for headers and for the base64 of old interfaces. */
const MAX_COMMIT_SHARE = 0.5;

/** {@link ModelState} as it is stored. */
interface StoredState {
  readonly active?: Generation;
  readonly building?: Generation;
  /** Was active before; kept for queries that have just looked. */
  readonly previous?: Generation;
  /** Generations made so far. */
  readonly count: number;
}

class KvReadModel<Value> implements ReadModel<Rows<Value>> {
  private readonly app: AppInternals;
  private readonly projection: string;
  private cached: { readonly state: StoredState; readonly untilMs: number } | undefined;

  constructor(
    { app, projection }: StoreScope,
    private readonly options: KvStoreOptions & { readonly lease: number },
  ) {
    this.app = app;
    this.projection = projection;
  }

  /** A bucket as other clients make it, with one value per key. Source: ADR-8. */
  plan(): readonly ResourcePlan[] {
    const { replicas, storage } = this.options;
    return [
      {
        kind: "stream",
        neededBy: `projection ${this.projection}`,
        spec: {
          ...this.app.streams,
          name: bucketStream(this.projection),
          subjects: [`$KV.${bucketOf(this.projection)}.>`],
          maxMessagesPerSubject: 1,
          discard: "new",
          allowRollup: true,
          allowDirect: true,
          denyDelete: true,
          ...(replicas !== undefined && { replicas }),
          ...(storage !== undefined && { storage }),
        },
      },
    ];
  }

  async state(): Promise<ModelState> {
    const { state } = await this.readState();
    return { active: state.active, building: state.building };
  }

  async first(version: number): Promise<Generation> {
    const { after } = await this.change((before) =>
      before.active !== undefined ? before : { ...counted(before), active: next(before, version) },
    );
    return after.active as Generation; // just set, or there before
  }

  async begin(version: number): Promise<Generation> {
    const state = await this.change((before) => ({ ...counted(before), building: next(before, version) }));
    const building = state.after.building as Generation; // just set
    if (state.before.building !== undefined) await this.drop(state.before.building);
    return building;
  }

  async activate(generation: Generation): Promise<void> {
    const state = await this.change(({ building, ...before }) => ({
      ...before,
      active: generation,
      ...(building !== undefined && building.id !== generation.id && { building }),
      ...(before.active !== undefined && { previous: before.active }),
    }));
    const { previous } = state.before;
    if (previous !== undefined && previous.id !== generation.id) await this.drop(previous);
  }

  async writer(
    generation: Generation,
    { force = false }: { readonly force?: boolean } = {},
  ): Promise<GenerationWriter<Rows<Value>> | undefined> {
    const { transport, clock, instanceId } = this.app;
    const last = await this.lastCommit(generation);
    if (last !== undefined && !force) {
      const { owner, atMs } = last.commit;
      if (owner !== "" && owner !== instanceId && clock.nowMs() - atMs < this.options.lease) return undefined;
    }
    return await KvWriter.claim<Value>(
      {
        jetstream: transport.jetstream,
        clock,
        projection: this.projection,
        generation: generation.id,
        owner: instanceId,
        maxCommitBytes: Math.floor(transport.server.maxPayloadBytes * MAX_COMMIT_SHARE),
        leaseMs: this.options.lease,
      },
      last,
    );
  }

  async checkpoint(generation: Generation): Promise<Checkpoint> {
    return (await this.lastCommit(generation))?.commit.checkpoint ?? {};
  }

  async get(key: string): Promise<unknown> {
    const active = await this.active();
    if (active === undefined) return undefined;
    const query = { lastOf: rowSubject(this.projection, active.id, key) };
    const message = await this.jetstream.get(this.stream, query);
    return message && rowValue(message);
  }

  async list({
    prefix,
    limit,
  }: {
    readonly prefix: string;
    readonly limit: number;
  }): Promise<readonly Row[]> {
    const active = await this.active();
    if (active === undefined) return [];
    const found = new Map<string, unknown>();
    const end = deferred();
    const read = await this.jetstream.readOrdered(this.stream, {
      filterSubjects: [rowFilter(this.projection, active.id)],
      onBatch: (messages) => {
        for (const message of messages) {
          const key = keyOf(message.subject);
          if (key.startsWith(prefix)) found.set(key, rowValue(message));
        }
      },
      onCaughtUp: () => end.resolve(),
    });
    await Promise.race([end.promise, read.closed]);
    await read.stop();
    const keys = [...found.keys()].filter((key) => found.get(key) !== undefined).sort();
    return keys.slice(0, limit).map((key) => ({ key, value: found.get(key) }));
  }

  private get jetstream() {
    return this.app.transport.jetstream;
  }

  private get stream(): string {
    return bucketStream(this.projection);
  }

  private async active(): Promise<Generation | undefined> {
    const nowMs = this.app.clock.monotonicMs();
    if (this.cached !== undefined && nowMs < this.cached.untilMs) return this.cached.state.active;
    return (await this.readState()).state.active;
  }

  private async readState(): Promise<{ readonly state: StoredState; readonly sequence: number }> {
    const query = { lastOf: stateSubject(this.projection) };
    const message = await this.jetstream.get(this.stream, query, { consistency: "leader" });
    const state =
      message === undefined ? NO_STATE : (JSON.parse(new TextDecoder().decode(message.data)) as StoredState);
    this.cache(state);
    return { state, sequence: message?.sequence ?? 0 };
  }

  private cache(state: StoredState): void {
    this.cached = { state, untilMs: this.app.clock.monotonicMs() + STATE_CACHE_MS };
  }

  /** Changes the state with compare-and-set, against other processes that change it too. */
  private async change(
    change: (before: StoredState) => StoredState,
  ): Promise<{ readonly before: StoredState; readonly after: StoredState }> {
    for (;;) {
      const { state: before, sequence } = await this.readState();
      const after = change(before);
      if (after === before) return { before, after };
      const data = new TextEncoder().encode(JSON.stringify(after));
      try {
        await casAppend(
          { jetstream: this.jetstream, clock: this.app.clock },
          {
            stream: this.stream,
            subject: stateSubject(this.projection),
            data,
            expected: sequence,
            isOwn: (last) => Buffer.compare(last.data, data) === 0,
          },
        );
        this.cache(after);
        return { before, after };
      } catch (error) {
        if (
          !isGanglionError(error, "PROJECTION_FENCED") ||
          !isGanglionError(error.cause, "WRONG_LAST_SEQUENCE")
        ) {
          throw error;
        }
      }
    }
  }

  private async drop({ id }: Generation): Promise<void> {
    const { streams } = this.jetstream;
    await streams.purge(this.stream, { subject: rowFilter(this.projection, id) });
    await streams.purge(this.stream, { subject: commitSubject(this.projection, id) });
  }

  private async lastCommit({ id }: Generation): Promise<{ commit: Commit; sequence: number } | undefined> {
    const query = { lastOf: commitSubject(this.projection, id) };
    const message = await this.jetstream.get(this.stream, query, { consistency: "leader" });
    return message && { commit: decodeCommit(message.data), sequence: message.sequence };
  }
}

const NO_STATE: StoredState = { count: 0 };

function counted(state: StoredState): StoredState {
  return { ...state, count: state.count + 1 };
}

function next({ count }: StoredState, version: number): Generation {
  return { id: `v${version}-${count + 1}`, version };
}

function rowValue(message: StoredMessage): unknown {
  if (message.headers.get(OPERATION_HEADER) !== undefined) return undefined;
  return JSON.parse(new TextDecoder().decode(message.data));
}
