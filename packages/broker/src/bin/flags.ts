import { brokerError } from "../errors.js";
import { FLAGS, type FlagDefinition, type FlagKind } from "./flag-table.js";

type ValueOf<K extends FlagKind> = K extends "number" ? number : K extends "boolean" ? boolean : string;

type Table = typeof FLAGS;

/** The flags that were given. */
export type Flags = { -readonly [Name in keyof Table]?: ValueOf<Table[Name]["kind"]> };

const BY_NAME: ReadonlyMap<string, readonly [keyof Flags, FlagDefinition]> = new Map(
  Object.entries(FLAGS).flatMap(([key, definition]) =>
    definition.names.map((name) => [name, [key as keyof Flags, definition]] as const),
  ),
);

/** Words that stand for a flag. Source: nats-server opts.go `ProcessCommandLineArgs`. */
const COMMANDS: Readonly<Record<string, keyof Flags>> = { version: "version", help: "help" };

/**
 * Reads a command line in the way of nats-server: `-x value`, `--x value`, `-x=value`; boolean flags take a value only
 * behind `=`. The last of a repeated flag counts.
 *
 * @param args - without the executable.
 * @throws GanglionError `INVALID_FLAGS`.
 */
export function parseFlags(args: readonly string[]): Flags {
  const flags: Record<string, string | number | boolean> = {};
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string; // i is in range
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg);
    if (match === null) {
      flags[commandOf(arg)] = true;
      continue;
    }
    const [, name = "", attached] = match;
    const [key, definition] = find(name);
    const isSeparate = attached === undefined && definition.kind !== "boolean";
    if (isSeparate && i + 1 >= args.length) throw invalid(`flag needs an argument: -${name}`);
    const text = isSeparate ? (args[++i] as string) : attached; // checked above
    flags[key] = readValue(definition.kind, name, text);
  }
  return flags as Flags;
}

function commandOf(word: string): keyof Flags {
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (command === undefined) throw invalid(`unrecognized command: ${JSON.stringify(word)}`);
  return command;
}

function find(name: string): readonly [keyof Flags, FlagDefinition] {
  const found = BY_NAME.get(name);
  if (found === undefined) throw invalid(`flag provided but not defined: -${name}`);
  const { refused } = found[1];
  if (refused !== undefined) throw invalid(`flag -${name} is not supported: ${refused}`);
  return found;
}

function readValue(kind: FlagKind, name: string, text: string | undefined): string | number | boolean {
  if (kind === "text") return text ?? "";
  if (kind === "number") {
    if (text !== undefined && /^-?\d+$/.test(text)) return Number(text);
  } else if (text === undefined || /^(1|t|true)$/i.test(text)) {
    return true;
  } else if (/^(0|f|false)$/i.test(text)) {
    return false;
  }
  throw invalid(`invalid value ${JSON.stringify(text)} for flag -${name}: use a ${kind}`);
}

function invalid(message: string) {
  return brokerError("INVALID_FLAGS", message);
}

/** A flag as the command line writes it: `-p`, `--port`, `-DV`. Source: nats-server main.go `usageStr`. */
export function flagSpelling(name: string): string {
  return name.length <= 2 || name === "DVV" ? `-${name}` : `--${name}`;
}

/** The help text. */
export function usage(): string {
  const groups = [...new Set(Object.values(FLAGS).map(({ group }) => group))];
  const sections = groups.map((group) => `${group} options:\n${linesOf(group).join("\n")}\n`);
  return `Usage: ganglion-broker [options]\n\n${sections.join("\n")}`;
}

function linesOf(group: FlagDefinition["group"]): readonly string[] {
  const definitions: readonly FlagDefinition[] = Object.values(FLAGS);
  return definitions
    .filter((definition) => definition.group === group)
    .map(({ names, argument, help, refused }) => {
      const spelling = `${names.map(flagSpelling).join(", ")}${argument === undefined ? "" : ` <${argument}>`}`;
      return `    ${spelling.padEnd(36)} ${refused === undefined ? help : `Not supported: ${refused}`}`;
    });
}

/** How to use TLS by flags. */
export function tlsHelp(): string {
  return `TLS by flags: ganglion-broker --tls --tlscert=server-cert.pem --tlskey=server-key.pem
With certificates of clients: ganglion-broker --tlsverify --tlscert=... --tlskey=... --tlscacert=ca.pem
All files are in PEM format. Cipher suites, curves and timeouts: block "tls" of the configuration file.
`;
}
