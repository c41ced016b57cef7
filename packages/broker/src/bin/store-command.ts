import { parseArgs } from "node:util";
import { isGanglionError } from "@ganglion/kernel";
import {
  checkStore,
  type DumpedItem,
  dumpStore,
  type OfflineStoreOptions,
  repairStore,
  type StoreReport,
} from "@ganglion/store";

const USAGE = `Usage: ganglion-broker store <command> <directory> [--json]

Reads a store directory while no broker uses it.

  check    reads and verifies everything; changes nothing
  repair   as check, and writes damaged files anew; a copy of each is kept beside it
  dump     prints every stream and message, one JSON document a line; changes nothing

  --json   check and repair: one JSON document instead of text
  --help   this text

Exit codes: 0 nothing is wrong; 1 something is damaged or was lost; 2 the command line is wrong;
3 another process uses the directory; 4 it cannot be read.
`;

/** What the process ends with. */
export const STORE_EXIT = { fine: 0, damaged: 1, usage: 2, inUse: 3, unreadable: 4 } as const;

/** Where the command writes to. */
export interface StoreCommandOutput {
  out(text: string): void;
  err(text: string): void;
}

/** Runs `ganglion-broker store`. @param args - behind `store`. @returns the exit code. */
export async function runStoreCommand(args: readonly string[], output: StoreCommandOutput): Promise<number> {
  const parsed = parse(args);
  if (typeof parsed === "string") {
    output.err(`ganglion-broker store: ${parsed}\n\n${USAGE}`);
    return STORE_EXIT.usage;
  }
  if (parsed.help) {
    output.out(USAGE);
    return STORE_EXIT.fine;
  }
  try {
    return await COMMANDS[parsed.command]({ directory: parsed.directory }, { json: parsed.json, output });
  } catch (error) {
    output.err(`ganglion-broker store: ${(error as Error).message}\n`);
    return isGanglionError(error, "STORE_LOCKED") ? STORE_EXIT.inUse : STORE_EXIT.unreadable;
  }
}

interface Presentation {
  readonly json: boolean;
  readonly output: StoreCommandOutput;
}

type Command = (options: OfflineStoreOptions, presentation: Presentation) => Promise<number>;

const COMMANDS: Readonly<Record<"check" | "repair" | "dump", Command>> = {
  check: async (options, presentation) => present(await checkStore(options), presentation),
  repair: async (options, presentation) => present(await repairStore(options), presentation),
  dump: async (options, { output }) => {
    for await (const item of dumpStore(options)) output.out(`${JSON.stringify(dumped(item))}\n`);
    return STORE_EXIT.fine;
  },
};

interface ParsedCommand {
  readonly command: keyof typeof COMMANDS;
  readonly directory: string;
  readonly json: boolean;
  readonly help: boolean;
}

/** @returns what is wrong with the command line, in words. */
function parse(args: readonly string[]): ParsedCommand | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
    });
    const [command = "", directory = "", ...rest] = positionals;
    const { json, help } = values;
    if (help) return { command: "check", directory: "", json, help };
    if (!isCommand(command)) return `"${command}" is no command: use check, repair or dump`;
    if (directory === "" || rest.length > 0) return `${command} takes one directory`;
    return { command, directory, json, help };
  } catch (error) {
    return (error as Error).message;
  }
}

function isCommand(text: string): text is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, text);
}

function present(report: StoreReport, { json, output }: Presentation): number {
  const isFine =
    report.problems.length === 0 &&
    report.streams.every(({ lost, damagedFiles }) => lost.length === 0 && damagedFiles === 0);
  output.out(json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  return isFine ? STORE_EXIT.fine : STORE_EXIT.damaged;
}

function describe({ directory, streams, problems }: StoreReport): string {
  const lines = [`${directory}: ${count(streams.length, "stream")}`];
  for (const {
    account,
    name,
    messages,
    firstSequence,
    lastSequence,
    consumers,
    lost,
    damagedFiles,
  } of streams) {
    const range = messages === 0 ? "" : ` ${firstSequence} to ${lastSequence}`;
    lines.push(
      `  ${account} ${name}: ${count(messages, "message")}${range}, ${count(consumers, "consumer")}`,
    );
    for (const range of lost) {
      lines.push(`    lost: ${range.firstSequence} to ${range.lastSequence}, ${range.where}`);
    }
    if (damagedFiles > 0) lines.push(`    ${count(damagedFiles, "file")} with damage`);
  }
  for (const { where, problem } of problems) lines.push(`  ${where}: ${problem}`);
  if (problems.length === 0) lines.push("  no damage");
  return `${lines.join("\n")}\n`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** A line of a dump. */
function dumped(item: DumpedItem): object {
  if (item.kind === "stream") {
    const { account, name, metadata, consumers } = item;
    return { stream: name, account, metadata, consumers };
  }
  const { sequence, subject, timestampUs, headerSizeBytes, data } = item.message;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return {
    seq: sequence,
    subject,
    time: new Date(timestampUs / 1000).toISOString(),
    ...(headerSizeBytes === 0 ? {} : { hdrs: bytes.toString("base64", 0, headerSizeBytes) }),
    data: bytes.toString("base64", headerSizeBytes),
  };
}
