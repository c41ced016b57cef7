import { ClientOperationParser, type ClientOperationVisitor, type MessageFrame } from "@ganglion/protocol";
import { cutAnywhere, mutatedFrame, validFrame } from "./frames.js";
import { Random } from "./random.js";

/** What a run of the parser's fuzzer did. */
export interface ParserFuzzReport {
  /** Frames the parser read: operations it found, and faults. */
  readonly frames: number;
  readonly faults: number;
}

/** Remembers operations as one number, so that two readings can be compared cheaply. */
class Fingerprint implements ClientOperationVisitor {
  value = 0;
  count = 0;

  connect(json: string): void {
    this.addText(`C${json}`);
  }
  publish(frame: MessageFrame): void {
    const { bytes, tailStart, dataEnd, subjectStart, subjectEnd } = frame;
    this.addRange(bytes, subjectStart, subjectEnd);
    this.add(frame.replyEnd - frame.replyStart);
    this.add(frame.headerSizeBytes);
    this.addRange(bytes, tailStart, dataEnd + 2);
    this.count++;
  }
  subscribe(subject: string, queue: string | undefined, sid: string): void {
    this.addText(`S${subject} ${queue} ${sid}`);
  }
  unsubscribe(sid: string, max: number): void {
    this.addText(`U${sid} ${max}`);
  }
  ping(): void {
    this.addText("i");
  }
  pong(): void {
    this.addText("o");
  }
  info(json: string): void {
    this.addText(`I${json}`);
  }
  ok(): void {
    this.addText("+");
  }
  error(text: string): void {
    this.addText(`-${text}`);
  }

  private addText(text: string): void {
    for (let i = 0; i < text.length; i++) this.add(text.charCodeAt(i));
    this.count++;
  }
  private addRange(bytes: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.add(bytes[i] as number); // ranges of a frame lie in its bytes
  }
  private add(value: number): void {
    this.value = (Math.imul(this.value, 31) + value) | 0;
  }
}

function read(chunks: readonly Buffer[]) {
  const fingerprint = new Fingerprint();
  const parser = new ClientOperationParser(fingerprint, {
    maxControlLineBytes: 1_024,
    maxPayloadBytes: 65_536,
  });
  let fault: string | undefined;
  for (const chunk of chunks) fault = parser.feed(chunk)?.kind;
  return { value: fingerprint.value, count: fingerprint.count, fault };
}

/**
 * Feeds the parser with runs of frames, most of them valid, cut anywhere. It must not throw, and must read the same
 * however the bytes are cut.
 *
 * @throws Error that names the seed of the run.
 */
export function fuzzParser(frames: number, seed: number): ParserFuzzReport {
  let done = 0;
  let faults = 0;
  for (let run = 0; done < frames; run++) {
    const random = new Random(seed + run);
    const parts = Array.from({ length: 1 + random.below(24) }, () => validFrame(random));
    if (random.chance(0.8)) parts.splice(random.below(parts.length + 1), 0, mutatedFrame(random));
    const bytes = Buffer.concat(parts);
    const whole = read([bytes]);
    const cut = read(cutAnywhere(bytes, random.chance(0.1) ? bytes.length : 8, random));
    if (JSON.stringify(whole) !== JSON.stringify(cut)) {
      throw new Error(`seed ${seed + run}: whole ${JSON.stringify(whole)}, cut ${JSON.stringify(cut)}`);
    }
    done += whole.count;
    if (whole.fault === undefined) continue;
    faults++;
    done++;
  }
  return { frames: done, faults };
}
