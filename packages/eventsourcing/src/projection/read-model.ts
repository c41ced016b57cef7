import type { AppInternals, ResourcePlan } from "@ganglion/core/internal";

/** A value or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** How far a read model has come: the last sequence handled, by stream. */
export type Checkpoint = Readonly<Record<string, number>>;

/** One set of rows. A rebuild fills a new generation beside the active one. */
export interface Generation {
  readonly id: string;
  /** Version of the projection class that fills it. */
  readonly version: number;
}

/** Which generations a read model has. */
export interface ModelState {
  /** The one queries read. */
  readonly active: Generation | undefined;
  /** The one a rebuild fills; it survives restarts. */
  readonly building: Generation | undefined;
}

/** What a read-model store is opened for. */
export interface StoreScope {
  readonly projection: string;
  readonly app: AppInternals;
}

/** Where rows are kept. `memory()` and `kv()` are two; other packages bring more. */
export interface ReadModelStore<View> {
  readonly description: string;
  /** Called once per app, before there is a connection. */
  open(scope: StoreScope): ReadModel<View>;
}

/** The rows of one projection, in all their generations. */
export interface ReadModel<View> {
  /** Streams and buckets it needs. */
  plan(): readonly ResourcePlan[];
  state(): Promise<ModelState>;
  /** Makes the first generation, empty and active. @returns the active one, if another process was faster. */
  first(version: number): Promise<Generation>;
  /** Makes a new, empty generation to be built; one that was being built is dropped. */
  begin(version: number): Promise<Generation>;
  /** Lets queries read `generation`: one atomic switch. The one that was active before is kept until the next. */
  activate(generation: Generation): Promise<void>;
  /**
   * Opens a generation for writing, at its checkpoint.
   *
   * @param options - `force` takes it from another process even if that is alive.
   * @returns `undefined` while another process writes it.
   */
  writer(
    generation: Generation,
    options?: { readonly force?: boolean },
  ): Promise<GenerationWriter<View> | undefined>;
  /** How far a generation has come, by whoever writes it. */
  checkpoint(generation: Generation): Promise<Checkpoint>;
  /** A row of the active generation. */
  get(key: string): Promise<unknown>;
  /** Rows of the active generation whose keys begin with `prefix`, ordered by key. */
  list(options: { readonly prefix: string; readonly limit: number }): Promise<readonly Row[]>;
}

/** A row with its key. */
export interface Row<Value = unknown> {
  readonly key: string;
  readonly value: Value;
}

/** Writes one generation; one process at a time does. */
export interface GenerationWriter<View> {
  readonly checkpoint: Checkpoint;
  /**
   * Runs `work` and stores what it wrote together with `checkpoint`: both or neither.
   *
   * @throws GanglionError `PROJECTION_FENCED` when another process writes the generation now;
   *   `PROJECTION_BATCH_TOO_LARGE` when `work` wrote more than can be stored at once; whatever `work` throws.
   *   Nothing is stored then.
   */
  apply(work: (view: View) => Awaitable<void>, checkpoint: Checkpoint): Promise<void>;
  /** How often to call {@link renew}, in milliseconds. */
  readonly renewEveryMs: number;
  /** Tells other processes that this one is alive. @throws GanglionError `PROJECTION_FENCED` */
  renew(): Promise<void>;
  /** Lets another process write. Idempotent. */
  close(): Promise<void>;
}
