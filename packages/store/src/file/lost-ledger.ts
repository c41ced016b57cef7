import type { Logger } from "@ganglion/kernel";
import type { MessageIndex } from "../indexing/message-index.js";
import type { LostRange } from "../message-store.js";
import { LostRanges } from "./lost-ranges.js";
import type { Manifest } from "./manifest.js";

/** Name of the ledger's two files, beside the stream's metadata. */
export const LOST_NAME = "lost";

/** What a {@link LostLedger} is opened with. */
export interface LostLedgerOptions {
  readonly manifest: Manifest;
  readonly index: MessageIndex;
  readonly logger: Logger;
  /** What recovery has found to be lost. */
  readonly found: readonly LostRange[];
}

/**
 * What a stream has lost to damage. It is kept in files of its own, so that it is still told after the damaged
 * segment was rewritten, or was displaced by newer messages.
 */
export class LostLedger {
  private readonly ranges = new LostRanges();
  private saving: Promise<void> = Promise.resolve();
  /** There is something that is not on the disk. */
  private unsaved = false;
  private scheduled = false;

  constructor(private readonly options: LostLedgerOptions) {
    const { manifest, index, found } = options;
    const stored = readRanges(manifest.load().metadata);
    for (const range of stored) this.ranges.add(range);
    // A file that could not be read at that time may be readable again.
    for (const { firstSequence, lastSequence } of stored) {
      for (
        let there = index.ceil(firstSequence);
        there !== undefined && there <= lastSequence;
        there = index.ceil(there + 1)
      ) {
        this.ranges.subtract(there, there);
      }
    }
    for (const range of found) this.add(range);
  }

  list(): readonly LostRange[] {
    return this.ranges.list();
  }

  find(sequence: number): LostRange | undefined {
    return this.ranges.find(sequence);
  }

  /** Takes note of a loss, and writes it down in the background. */
  add(range: LostRange): void {
    if (!this.ranges.add(range)) return;
    this.unsaved = true;
    this.schedule();
  }

  /** Resolves when everything noted so far was written, or could not be. @returns whether it is on the disk. */
  async flush(): Promise<boolean> {
    if (this.unsaved) this.schedule();
    for (let waited: unknown; waited !== this.saving; ) {
      waited = this.saving;
      await waited;
    }
    return !this.unsaved;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.saving = this.saving.then(() => this.save());
  }

  private async save(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // with everything else of this turn
    this.scheduled = false;
    this.unsaved = false;
    try {
      await this.options.manifest.save({ ranges: this.ranges.list() });
    } catch (error) {
      this.unsaved = true;
      this.options.logger.error("What was lost could not be written down", { error });
    }
  }
}

function readRanges(metadata: unknown): readonly LostRange[] {
  return (metadata as { readonly ranges: readonly LostRange[] } | undefined)?.ranges ?? [];
}
