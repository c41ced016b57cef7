import { eventSourcingError } from "../errors.js";
import type {
  Awaitable,
  Checkpoint,
  Generation,
  GenerationWriter,
  ModelState,
  ReadModel,
  ReadModelStore,
  Row,
} from "../projection/read-model.js";
import { RowBuffer, type Rows } from "../projection/rows.js";

/**
 * Keeps rows in the memory of each process that runs the projection: the fastest, and filled anew by replay at every
 * start. Rows are frozen, not copied: replace them instead of changing them.
 */
export function memory<Row>(): ReadModelStore<Rows<Row>> {
  return { description: "memory", open: () => new MemoryReadModel<Row>() };
}

interface MemoryGeneration<Row> {
  readonly rows: Map<string, Row>;
  checkpoint: Checkpoint;
  /** The writer that may write it. */
  writer: object | undefined;
}

class MemoryReadModel<Value> implements ReadModel<Rows<Value>> {
  private readonly generations = new Map<string, MemoryGeneration<Value>>();
  private current: ModelState = { active: undefined, building: undefined };
  private count = 0;

  plan() {
    return [];
  }

  state(): Promise<ModelState> {
    return Promise.resolve(this.current);
  }

  first(version: number): Promise<Generation> {
    const active = this.current.active ?? this.make(version);
    this.current = { ...this.current, active };
    return Promise.resolve(active);
  }

  begin(version: number): Promise<Generation> {
    if (this.current.building !== undefined) this.generations.delete(this.current.building.id);
    const building = this.make(version);
    this.current = { ...this.current, building };
    return Promise.resolve(building);
  }

  activate(generation: Generation): Promise<void> {
    // Nobody can be in the middle of reading the old rows: queries read in one turn.
    if (this.current.active !== undefined) this.generations.delete(this.current.active.id);
    const { building } = this.current;
    this.current = { active: generation, building: building?.id === generation.id ? undefined : building };
    return Promise.resolve();
  }

  writer(generation: Generation): Promise<GenerationWriter<Rows<Value>>> {
    const open = this.open(generation);
    const writer = new MemoryWriter(open);
    open.writer = writer;
    return Promise.resolve(writer);
  }

  checkpoint(generation: Generation): Promise<Checkpoint> {
    return Promise.resolve(this.open(generation).checkpoint);
  }

  get(key: string): Promise<unknown> {
    return Promise.resolve(this.activeRows().get(key));
  }

  list({ prefix, limit }: { prefix: string; limit: number }): Promise<readonly Row[]> {
    const keys = [...this.activeRows().keys()].filter((key) => key.startsWith(prefix)).sort();
    return Promise.resolve(keys.slice(0, limit).map((key) => ({ key, value: this.activeRows().get(key) })));
  }

  private make(version: number): Generation {
    const generation = { id: String(++this.count), version };
    this.generations.set(generation.id, { rows: new Map(), checkpoint: {}, writer: undefined });
    return generation;
  }

  private activeRows(): ReadonlyMap<string, Value> {
    return this.current.active === undefined ? new Map() : this.open(this.current.active).rows;
  }

  private open({ id }: Generation): MemoryGeneration<Value> {
    const generation = this.generations.get(id);
    if (generation === undefined) throw fenced(id);
    return generation;
  }
}

class MemoryWriter<Value> implements GenerationWriter<Rows<Value>> {
  readonly renewEveryMs = 60_000; // no other process can write it

  constructor(private readonly generation: MemoryGeneration<Value>) {}

  get checkpoint(): Checkpoint {
    return this.generation.checkpoint;
  }

  async apply(work: (view: Rows<Value>) => Awaitable<void>, checkpoint: Checkpoint): Promise<void> {
    const { rows } = this.generation;
    const buffer = new RowBuffer<Value>((key) => rows.get(key));
    await work(buffer);
    if (this.generation.writer !== this) throw fenced("memory");
    for (const [key, row] of buffer.written) {
      if (row === undefined) rows.delete(key);
      else rows.set(key, Object.freeze(row)); // a row changed in place would change although its batch fails later
    }
    this.generation.checkpoint = { ...this.generation.checkpoint, ...checkpoint };
  }

  renew(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (this.generation.writer === this) this.generation.writer = undefined;
    return Promise.resolve();
  }
}

function fenced(generation: string) {
  return eventSourcingError("PROJECTION_FENCED", `Generation ${generation} has another writer, or is gone`);
}
