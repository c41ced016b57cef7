import type { ConsumerChange, ConsumerState, ConsumerStore } from "../consumer-store.js";
import type { ConsumerLog } from "./consumer-log.js";
import type { GroupCommit } from "./group-commit.js";

/** The memory of one consumer, kept in the consumer log of its stream. */
export class FileConsumerStore implements ConsumerStore {
  /** The group that the last change belongs to. */
  private ticket = 0;

  constructor(
    private readonly name: string,
    private readonly log: ConsumerLog,
    private readonly commit: GroupCommit,
  ) {}

  load(): ConsumerState | undefined {
    return this.log.get(this.name)?.snapshot();
  }

  append(change: ConsumerChange): void {
    this.log.append(this.name, change);
    this.changed();
  }

  replace(state: ConsumerState): void {
    this.log.replace(this.name, state);
    this.changed();
  }

  whenDurable(callback: () => void): void {
    this.commit.whenDurable(this.ticket, callback);
  }

  /** Notes that something of this consumer was staged. */
  changed(): void {
    this.ticket = this.commit.stagedTicket;
    this.commit.request();
  }
}
