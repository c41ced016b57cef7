import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { FLAGS, type FlagDefinition } from "../bin/flag-table.js";
import { flagSpelling } from "../bin/flags.js";
import { RELOADABLE } from "../reload/reload-plan.js";
import { PENDING } from "./pending-options.js";
import type { Field, Fields, Shape } from "./reader.js";
import { brokerConfig, brokerFields } from "./schema.js";

const PAGE = fileURLToPath(new URL("../../../../docs/reference/broker-configuration.md", import.meta.url));

test("docs/reference/broker-configuration.md says what the tables say; vitest -u writes it anew", async () => {
  await expect(page()).toMatchFileSnapshot(PAGE);
});

test("every key of a configuration says what it takes", () => {
  const unknown = blocksOf(brokerFields).flatMap(({ name, fields }) =>
    Object.values(fields)
      .filter(({ read }) => read.shape === undefined)
      .map(({ keys }) => `${name} ${keys[0]}`),
  );
  expect(unknown).toEqual([]);
});

const SIGNALS = [
  ["SIGINT", "`quit`", "stops in order and exits with 0"],
  ["SIGTERM", "`term`", "the same; in lame duck mode nothing"],
  ["SIGUSR1", "`reopen`", "opens the log file again, after it was moved"],
  ["SIGUSR2", "`ldm`", "lame duck mode: tells clients to go, closes them one by one, exits"],
  ["SIGHUP", "`reload`", "reads the configuration file again"],
  ["SIGKILL", "`stop`", "ends at once; what was acknowledged is not lost"],
];

interface Block {
  readonly name: string;
  /** Where else it may be. */
  readonly others: string[];
  readonly fields: Fields;
  readonly unsupported: NonNullable<Shape["unsupported"]>;
}

/** The blocks of a table, each once and where it is least deep: `tls` looks the same wherever it is. */
function blocksOf(fields: Fields): readonly Block[] {
  const found: Block[] = [];
  const seen = new Map<Fields, Block>();
  const visit = (outer: Fields, path: string) => {
    for (const { keys, read } of Object.values(outer)) {
      const { fields: inner, unsupported = {} } = read.shape ?? {};
      if (inner === undefined) continue;
      const name = `${path}${keys[0]}`;
      const known = seen.get(inner);
      known?.others.push(name);
      if (known !== undefined) continue;
      const block = { name, fields: inner, unsupported, others: [] };
      seen.set(inner, block);
      found.push(block);
    }
  };
  visit(fields, "");
  // The list grows while it is walked: level by level.
  for (const { fields: inner, name } of found) visit(inner, `${name}.`);
  return found;
}

function page(): string {
  const flags = Object.values<FlagDefinition>(FLAGS);
  const groups = [...new Set(flags.map(({ group }) => group))];
  return `# Flags and configuration of ganglion-broker

This page is written by a test from the tables the broker reads: \`packages/broker/src/bin/flag-table.ts\` and
\`packages/broker/src/config\`. \`npm run docs\` writes it anew.

## Command line

\`ganglion-broker [flags]\` takes the flags of nats-server. \`-x\` is the same as \`--x\`; a value stands behind a space or
\`=\`; a boolean flag takes a value behind \`=\` only. The last of a repeated flag counts. Flags win over the
configuration file.

${groups.map((group) => `### ${group}\n\n${flagTable(flags.filter((flag) => flag.group === group))}`).join("\n\n")}

## Signals

${table(["Signal", "`-sl`", "What it does"], SIGNALS)}

## Configuration file

The grammar is that of nats-server: \`key: value\`, \`key = value\` or \`key value\`; blocks in \`{ }\`, lists in \`[ ]\`;
\`#\` and \`//\` begin comments; \`include file\`; \`$NAME\` is a key of the file or an environment variable; JSON is valid.
Sizes take \`k\`, \`kb\`, \`ki\`, \`m\` and so on, durations are strings such as \`"2m"\`. Keys may be in any case. A key
that is not known is refused with its line and column.

\`startBroker\` takes the same settings under the names of the column "Option".

In the column "Reload": what SIGHUP and \`Broker.reload\` take over. A change of anything else is refused.

### Top level

${topLevelTable()}

${blocksOf(brokerFields).map(blockSection).join("\n\n")}
`;
}

function flagTable(flags: readonly FlagDefinition[]): string {
  const rows = flags.map(({ names, argument, help, refused }) => [
    names.map((name) => `\`${flagSpelling(name)}\``).join(", "),
    argument === undefined ? "" : `\`${argument}\``,
    refused === undefined ? help : `not supported: ${refused}`,
  ]);
  return table(["Flag", "Value", "What it does"], rows);
}

const STATES = { refused: "Not supported yet. ", ignored: "No effect yet. " } as const;

function topLevelTable(): string {
  const rows = Object.entries<Field<unknown>>(brokerFields).map(([option, field]) => {
    const pending = PENDING[option as keyof typeof PENDING];
    const state = pending === undefined ? "" : STATES[pending];
    const reload = Object.hasOwn(RELOADABLE, option) ? "yes" : "";
    return [keysOf(field), shapeText(field), `\`${option}\``, reload, `${state}${field.about}`];
  });
  const unsupported = Object.entries(brokerConfig.shape?.unsupported ?? {}).map(([key, reason]) => [
    `\`${key}\``,
    "",
    "",
    "",
    `not supported: ${reason}`,
  ]);
  return table(["Key", "Value", "Option", "Reload", "About"], [...rows, ...unsupported]);
}

function blockSection({ name, fields, unsupported, others }: Block): string {
  const rows = Object.entries(fields).map(([option, field]) => [
    keysOf(field),
    shapeText(field),
    `\`${option}\``,
    field.about,
  ]);
  const refused = Object.entries(unsupported).map(([key, reason]) => [
    `\`${key}\``,
    "",
    "",
    `not supported: ${reason}`,
  ]);
  const places = others.map((other) => `\`${other}\``).join(", ");
  const also = places === "" ? "" : `The same in ${places}.\n\n`;
  return `### ${name}\n\n${also}${table(["Key", "Value", "Option", "About"], [...rows, ...refused])}`;
}

function keysOf({ keys }: Field<unknown>): string {
  return keys.map((key) => `\`${key}\``).join(", ");
}

function shapeText({ read }: Field<unknown>): string {
  return read.shape?.text ?? "";
}

/** A table as the formatter writes it: columns as wide as their widest cell. */
function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const rows = [head, ...body].map((row) => row.map((text) => text.replaceAll("|", "\\|")));
  const widths = head.map((_, i) => Math.max(3, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text, i) => text.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [first = [], ...others] = rows;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...others.map(line)].join("\n");
}
