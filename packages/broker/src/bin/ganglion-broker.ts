import { createRequire } from "node:module";
import { formatFault } from "../config/fault.js";
import { REPORTED_VERSION } from "../version.js";
import { type Flags, parseFlags, tlsHelp, usage } from "./flags.js";
import { loadConfigFile } from "./load-settings.js";
import { PROCESS_NAME, sendSignal } from "./send-signal.js";
import { serve } from "./serve.js";
import { runStoreCommand } from "./store-command.js";

/** Runs the command. @param argv - as `process.argv`: node, script, arguments. */
export async function main(argv: readonly string[]): Promise<void> {
  const [, executable = PROCESS_NAME, ...args] = argv;
  if (args[0] === "store") {
    const output = {
      out: (text: string) => void process.stdout.write(text),
      err: (text: string) => void process.stderr.write(text),
    };
    process.exitCode = await runStoreCommand(args.slice(1), output);
    return;
  }
  let flags: Flags;
  try {
    flags = parseFlags(args);
  } catch (error) {
    fail(`${(error as Error).message}\nUse --help to see the options.`);
    return;
  }
  try {
    await run(flags, executable);
  } catch (error) {
    fail((error as Error).message);
  }
}

async function run(flags: Flags, executable: string): Promise<void> {
  if (flags.version) process.stdout.write(versionText());
  else if (flags.help) process.stdout.write(usage());
  else if (flags.helpTls) process.stdout.write(tlsHelp());
  else if (flags.signal) sendSignal(flags.signal);
  else if (flags.testConfig) testConfig(flags);
  else await serve(flags, executable);
}

/** The first line is in the form of nats-server's, which tools parse. */
function versionText(): string {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  return `nats-server: v${REPORTED_VERSION}\nganglion-broker: v${version}\n`;
}

/** Reads the configuration file and tells whether it is valid. Like nats-server, it takes a warning for a fault. */
function testConfig({ configFile }: Flags): void {
  if (configFile === undefined) {
    fail("must specify [-c, --config] option to check configuration file syntax");
    return;
  }
  const { warnings } = loadConfigFile(configFile);
  if (warnings.length > 0) fail(warnings.map(formatFault).join("\n"));
  else process.stderr.write(`${PROCESS_NAME}: configuration file ${configFile} is valid\n`);
}

function fail(message: string): void {
  process.stderr.write(`${PROCESS_NAME}: ${message}\n`);
  process.exitCode = 1;
}
