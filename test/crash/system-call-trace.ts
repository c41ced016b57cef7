/**
 * One system call of a trace written by `strace -f -yy -s <large> -o`. A call begins at the line where strace
 * printed it and ends at the line where it printed the result, which is the same one unless another thread
 * came between ("<unfinished ...>", "<... resumed>"). Source: strace(1), "-f".
 */
export interface SystemCall {
  readonly name: string;
  /** Path or address of the first argument's descriptor. */
  readonly target: string;
  readonly args: string;
  readonly result: number;
  readonly begin: number;
  readonly end: number;
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/s;
const UNFINISHED = /^(\d+) +(\w+)\((.*?),? ?<unfinished \.\.\.>$/s;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)/s;

/** Reads a trace. Lines that are no call (signals, exits) are passed over. */
export function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<string, { args: string; begin: number }>();
  text.split("\n").forEach((line, index) => {
    const unfinished = UNFINISHED.exec(line);
    if (unfinished !== null) {
      open.set(`${unfinished[1]} ${unfinished[2]}`, { args: unfinished[3] ?? "", begin: index });
      return;
    }
    const resumed = RESUMED.exec(line);
    const begun = resumed === null ? undefined : open.get(`${resumed[1]} ${resumed[2]}`);
    if (resumed !== null && begun !== undefined) {
      open.delete(`${resumed[1]} ${resumed[2]}`);
      const args = `${begun.args}${resumed[3] ?? ""}`;
      calls.push(
        call(resumed[2] ?? "", args, { result: Number(resumed[4]), begin: begun.begin, end: index }),
      );
      return;
    }
    const whole = WHOLE.exec(line);
    if (whole === null) return;
    calls.push(call(whole[2] ?? "", whole[3] ?? "", { result: Number(whole[4]), begin: index, end: index }));
  });
  return calls;
}

function call(name: string, args: string, rest: Pick<SystemCall, "result" | "begin" | "end">): SystemCall {
  // A socket's address holds "->", so the end of the descriptor is the ">" in front of a comma or the end.
  const target = /^\d+<(.*?)>(?:,|$)/s.exec(args)?.[1] ?? "";
  return { name, target, args, ...rest };
}

/** The bytes a call wrote, and where in the file they went (0 for a socket). */
export function written({ name, args }: SystemCall): { readonly bytes: Buffer; readonly position: number } {
  const texts = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map((match) => unescaped(match[1] ?? ""));
  const position = name.startsWith("pwrite") ? Number(/, (\d+)(?:, \w+)?$/.exec(args)?.[1] ?? 0) : 0;
  return { bytes: Buffer.concat(texts), position };
}

const LETTERS: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, v: 11, f: 12, a: 7, b: 8, e: 27 };

function unescaped(text: string): Buffer {
  const bytes: number[] = [];
  for (const match of text.matchAll(/\\([0-7]{1,3})|\\(.)|([^\\])/gs)) {
    const [, octal, letter, plain] = match;
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(LETTERS[letter] ?? letter.charCodeAt(0));
    else bytes.push((plain ?? "").charCodeAt(0));
  }
  return Buffer.from(bytes);
}

/** What {@link unsyncedAcks} looks for. */
export interface AckTrace {
  readonly calls: readonly SystemCall[];
  readonly stream: string;
  /** A text that occurs in the payload of one message only, by sequence. */
  readonly tokens: ReadonlyMap<number, string>;
}

/**
 * Checks that every PubAck went to its socket after an fdatasync, begun after the message's bytes were
 * written to a segment file and ended well, of that very file.
 *
 * @returns what is wrong, in words, and how many acks were seen.
 */
export function unsyncedAcks({ calls, stream, tokens }: AckTrace): {
  readonly wrong: string[];
  readonly acks: number;
} {
  const syncs = calls.filter(
    ({ name, result }) => (name === "fdatasync" || name === "fsync") && result === 0,
  );
  const writes = calls
    .filter(({ name, target }) => name.startsWith("pwrite") && target.endsWith(".seg"))
    .map((write) => ({ write, ...written(write) }));
  const wrong: string[] = [];
  let acks = 0;
  for (const socketWrite of calls) {
    if (!/^(TCP|socket)/.test(socketWrite.target) || !/^(write|send)/.test(socketWrite.name)) continue;
    const text = written(socketWrite).bytes.toString("latin1");
    for (const [, name, digits] of text.matchAll(/\{"stream":"([^"]+)",\s*"seq":(\d+)/g)) {
      if (name !== stream) continue;
      acks++;
      const token = tokens.get(Number(digits)) ?? "no token";
      const stored = writes.find(({ bytes }) => bytes.includes(token));
      const end = stored && stored.position + stored.bytes.indexOf(token) + token.length;
      const isWritten = stored && end !== undefined && end <= stored.position + stored.write.result;
      if (stored === undefined || isWritten !== true || stored.write.end >= socketWrite.begin) {
        wrong.push(`${digits}: acknowledged before its bytes were written`);
        continue;
      }
      const { target, end: writtenAt } = stored.write;
      const covers = (sync: SystemCall) =>
        sync.target === target && sync.begin > writtenAt && sync.end < socketWrite.begin;
      if (!syncs.some(covers)) wrong.push(`${digits}: acknowledged before ${target} was synced`);
    }
  }
  return { wrong, acks };
}
