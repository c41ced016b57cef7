import type { StoreLimits } from "../message-store.js";
import type { Storage, StreamStore } from "../storage.js";
import {
  limitsFor,
  openSmallStorage,
  type Promises,
  type StorageSetup,
  stateText,
} from "./crash-workload.js";
import { RecordingListener, UNLIMITED } from "./recording-listener.js";

/** What recovery may do to what was not promised. */
export interface Tolerance {
  /** Sequences that may be missing, if they are reported as lost. */
  readonly maxLost: number;
  /** Whether damage may be reported where nothing promised was. */
  readonly mayReport: boolean;
}

/** Opens the store again and compares it with what was promised. @returns what is wrong, in words. */
export async function brokenPromises(
  setup: StorageSetup,
  promises: Promises,
  { seed, ...tolerance }: Tolerance & { readonly seed: number },
): Promise<string[]> {
  const broken: string[] = [];
  const storage = await openSmallStorage(setup);
  try {
    const first = await openAgain(storage, seed);
    if (first === undefined) {
      if (promises.created) broken.push(`the stream is gone: ${JSON.stringify(storage.problems())}`);
      return broken;
    }
    const check = new Check(first, promises, broken);
    check.messages(tolerance, limitsFor(seed));
    check.metadata();
    check.consumer();
    const sequence = first.messages.append(probe("after the crash"));
    await first.messages.flush();
    const highest = Math.max(promises.durableSequence, check.lastSequence);
    if (sequence <= highest) broken.push(`sequence ${sequence} is used again; ${highest} was given out`);
    const before = check.contents();
    const reported = first.messages.state().lost.length;
    await first.close();
    const second = await openAgain(storage, seed);
    if (second === undefined) return [...broken, "the stream does not open a second time"];
    const after = new Check(second, promises, broken).contents();
    if (JSON.stringify(after) !== JSON.stringify(before))
      broken.push(`a second recovery finds something else: ${difference(before, after)}`);
    if (second.messages.state().lost.length < reported) broken.push("a second recovery reports less");
  } finally {
    await storage.close();
  }
  return broken;
}

function isDisplaced(
  { sequence, subject }: { sequence: number; subject: string },
  found: ReadonlyMap<number, string>,
  { maxMessages, maxMessagesPerSubject }: StoreLimits,
): boolean {
  const newer = [...found].filter(([other]) => other > sequence);
  const same = newer.filter(([, line]) => line.split(" ")[1] === subject);
  if (maxMessages > 0 && newer.length >= maxMessages) return true;
  return maxMessagesPerSubject > 0 && same.length >= maxMessagesPerSubject;
}

function difference(before: readonly string[], after: readonly string[]): string {
  const gone = before.filter((line) => !after.includes(line)).map((line) => `-${line.slice(0, 20)}`);
  const come = after.filter((line) => !before.includes(line)).map((line) => `+${line.slice(0, 20)}`);
  return [...gone, ...come].join(", ");
}

function probe(text: string) {
  return { subject: "probe", timestampUs: 1_000, headerSizeBytes: 0, data: Buffer.from(text) };
}

async function openAgain(storage: Storage, seed: number): Promise<StreamStore | undefined> {
  const [found] = storage.streams();
  if (found === undefined) return undefined;
  const options = { limits: limitsFor(seed), listener: new RecordingListener() };
  return storage.openStream(found.account, found.name, options);
}

class Check {
  readonly lastSequence: number;

  constructor(
    private readonly stream: StreamStore,
    private readonly promises: Promises,
    private readonly broken: string[],
  ) {
    this.lastSequence = stream.messages.state().lastSequence;
  }

  /** Everything that can be read, as `sequence subject text`. */
  contents(): string[] {
    const { messages } = this.stream;
    const found: string[] = [];
    for (
      let message = messages.next(1);
      message !== undefined;
      message = messages.next(message.sequence + 1)
    ) {
      found.push(`${message.sequence} ${message.subject} ${Buffer.from(message.data).toString()}`);
    }
    return found;
  }

  messages({ maxLost, mayReport }: Tolerance, limits: StoreLimits): void {
    const { promises, broken } = this;
    const found = new Map(this.contents().map((line) => [Number.parseInt(line, 10), line]));
    const lost = this.stream.messages.state().lost;
    const isReported = (sequence: number) =>
      lost.some(({ firstSequence, lastSequence }) => firstSequence <= sequence && sequence <= lastSequence);
    let missing = 0;
    for (const [sequence, { subject, text, removed }] of promises.messages) {
      const line = found.get(sequence);
      if (line !== undefined && line !== `${sequence} ${subject} ${text}`)
        broken.push(`message ${sequence} changed`);
      if (line !== undefined && removed === "yes") broken.push(`message ${sequence} came back`);
      if (line !== undefined || removed !== "no" || sequence > promises.durableSequence) continue;
      // A message that was written but not confirmed may be there, and count for the limits.
      if (isDisplaced({ sequence, subject }, found, limits)) continue;
      missing++;
      if (!isReported(sequence)) broken.push(`message ${sequence} is missing and not reported`);
    }
    if (missing > 0 && this.stream.messages.health().lostMessages < missing)
      broken.push("the health of the stream does not tell what is lost");
    if (missing > maxLost) broken.push(`${missing} durable messages are lost, of at most ${maxLost}`);
    if (limits === UNLIMITED) broken.push(...this.partialBatches(found, isReported));
    for (const sequence of found.keys()) {
      if (!promises.messages.has(sequence)) broken.push(`message ${sequence} was never sent`);
    }
    if (!mayReport && lost.length > 0) broken.push(`loss is reported where none is: ${JSON.stringify(lost)}`);
  }

  /** A batch that was never confirmed is there as a whole, or not at all; removals and damage are another matter. */
  private partialBatches(
    found: ReadonlyMap<number, string>,
    isReported: (sequence: number) => boolean,
  ): string[] {
    const { batches, messages, durableSequence } = this.promises;
    return batches.flatMap(({ first, last }) => {
      const sequences = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      const isUntouched = sequences.every(
        (sequence) => messages.get(sequence)?.removed === "no" && !isReported(sequence),
      );
      const there = sequences.filter((sequence) => found.has(sequence)).length;
      const isPart = there > 0 && there < sequences.length;
      const isBroken = first > durableSequence && isUntouched && isPart;
      return isBroken ? [`of the batch ${first} to ${last} only ${there} messages are there`] : [];
    });
  }

  metadata(): void {
    const { metadataVersion, confirmedMetadataVersion } = this.promises;
    const version = Number(this.stream.metadata.version);
    if (version >= confirmedMetadataVersion && version <= metadataVersion) return;
    this.broken.push(`metadata has version ${version}, of ${confirmedMetadataVersion} to ${metadataVersion}`);
  }

  consumer(): void {
    const { consumerStates, durableConsumerState, consumerCreated } = this.promises;
    const exists = this.stream.consumers().some(({ name }) => name === "worker");
    if (!exists) {
      if (consumerCreated) this.broken.push("the consumer is gone");
      return;
    }
    const state = stateText(this.stream.openConsumer("worker").load());
    if (consumerStates.slice(durableConsumerState).includes(state)) return;
    const known = consumerStates.lastIndexOf(state);
    this.broken.push(
      `the consumer is at state ${known}, of ${durableConsumerState} to ${consumerStates.length - 1}`,
    );
  }
}
