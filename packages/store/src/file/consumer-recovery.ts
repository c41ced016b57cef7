import { join } from "node:path";
import { ConsumerProgress } from "../consumer-progress.js";
import type { FileSystem } from "../file-system.js";
import type { RecoveryProblem } from "../storage.js";
import { type ConsumerEntry, readConsumerEntries } from "./consumer-codec.js";
import {
  consumerLogName,
  type LoggedConsumer,
  parseConsumerLogName,
  type RecoveredConsumerLog,
} from "./consumer-log.js";
import { LOG_HEADER_BYTES } from "./log-header.js";
import { scanRecords } from "./log-scan.js";
import type { RecordCodec } from "./record-codec.js";

/** What recovery of the consumers found. */
export interface ConsumerRecovery {
  /** Undefined when the stream never had a consumer. */
  readonly log: RecoveredConsumerLog | undefined;
  readonly problems: readonly RecoveryProblem[];
  /** Paths of older generations. */
  readonly superseded: readonly string[];
}

/** Reads the newest consumer log of a directory. */
export async function recoverConsumers(
  fileSystem: FileSystem,
  directory: string,
  codec: RecordCodec,
): Promise<ConsumerRecovery> {
  const generations: number[] = [];
  for (const name of await fileSystem.list(directory)) {
    const generation = parseConsumerLogName(name);
    if (generation !== undefined) generations.push(generation);
  }
  const [generation, ...older] = generations.sort((left, right) => right - left);
  if (generation === undefined) return { log: undefined, problems: [], superseded: [] };
  const path = join(directory, consumerLogName(generation));
  const bytes = Buffer.alloc(fileSystem.sizeOf(path));
  const content = bytes.subarray(0, fileSystem.read(path, 0, bytes));
  const problems: RecoveryProblem[] = [];
  const replay = new Replay(path, problems);
  const end = scanRecords(
    content,
    { codec, from: LOG_HEADER_BYTES },
    {
      damage: ({ start, end: damageEnd }) => replay.damage(start, damageEnd),
      record: ({ sequence, dataStart, end: recordEnd }) =>
        replay.record(sequence, content.subarray(dataStart, recordEnd)),
    },
  );
  return {
    log: { generation, end, recordNumber: replay.recordNumber, consumers: replay.consumers() },
    problems,
    superseded: older.map((number) => join(directory, consumerLogName(number))),
  };
}

class Replay {
  recordNumber = 0;
  private readonly byId = new Map<number, LoggedConsumer>();

  constructor(
    private readonly path: string,
    private readonly problems: RecoveryProblem[],
  ) {}

  damage(start: number, end: number): void {
    this.problems.push({
      where: `${this.path} bytes ${start} to ${end}`,
      problem: "these bytes of the consumers' log are damaged",
    });
  }

  record(number: number, data: Buffer): void {
    if (number <= this.recordNumber) return; // the second copy
    if (this.recordNumber > 0 && number > this.recordNumber + 1) {
      this.problems.push({
        where: this.path,
        problem: `changes of consumers are lost: records ${this.recordNumber + 1} to ${number - 1}`,
      });
    }
    this.recordNumber = number;
    for (const entry of readConsumerEntries(data)) this.apply(entry);
  }

  consumers(): readonly LoggedConsumer[] {
    return [...this.byId.values()];
  }

  private apply(entry: ConsumerEntry): void {
    if (entry.kind === "define") {
      this.byId.set(entry.id, { id: entry.id, name: entry.name, progress: new ConsumerProgress() });
    } else if (entry.kind === "forget") this.byId.delete(entry.id);
    else if (entry.kind === "change") this.byId.get(entry.id)?.progress.apply(entry.change);
    else this.byId.get(entry.id)?.progress.replace(entry.state);
  }
}
