import { ConsumerProgress } from "../consumer-progress.js";
import type { ConsumerChange, ConsumerState, ConsumerStore } from "../consumer-store.js";

/** Consumer state that lasts as long as the process. */
export class MemoryConsumerStore implements ConsumerStore {
  private readonly progress = new ConsumerProgress();

  load(): ConsumerState | undefined {
    return this.progress.snapshot();
  }

  append(change: ConsumerChange): void {
    this.progress.apply(change);
  }

  replace(state: ConsumerState): void {
    this.progress.replace(state);
  }

  whenDurable(callback: () => void): void {
    callback();
  }
}
