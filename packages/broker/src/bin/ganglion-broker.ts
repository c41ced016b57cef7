import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Broker, startBroker } from "../broker.js";
import { formatFault } from "../config/fault.js";
import { type BrokerOptions, COMMAND_OPTIONS } from "../options.js";
import { REPORTED_VERSION } from "../version.js";
import { type Flags, parseFlags, usage } from "./flags.js";
import { type CommandSettings, loadConfigFile, loadSettings } from "./load-settings.js";
import { CommandLog } from "./log.js";
import { portsOf, removePortsFile, writePortsFile } from "./ports-file.js";
import { handleSignals } from "./signals.js";

const NAME = "ganglion-broker";

/** Runs the command. @param argv - as `process.argv`: node, script, arguments. */
export async function main(argv: readonly string[]): Promise<void> {
  const [, executable = "ganglion-broker", ...args] = argv;
  let flags: Flags;
  try {
    flags = parseFlags(args);
  } catch (error) {
    fail(`${(error as Error).message}\nUse --help to see the options.`);
    return;
  }
  if (flags.help) process.stdout.write(usage());
  else if (flags.version) process.stdout.write(versionText());
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
  try {
    const { warnings } = loadConfigFile(configFile);
    if (warnings.length > 0) fail(warnings.map(formatFault).join("\n"));
    else process.stderr.write(`${NAME}: configuration file ${configFile} is valid\n`);
  } catch (error) {
    fail((error as Error).message);
  }
}

function fail(message: string): void {
  process.stderr.write(`${NAME}: ${message}\n`);
  process.exitCode = 1;
}

async function serve(flags: Flags, executable: string): Promise<void> {
  let settings: CommandSettings;
  let log: CommandLog;
  try {
    settings = loadSettings(flags);
    const { logFile, logTime = true, debug = false } = settings.options;
    log = new CommandLog({ file: logFile, timestamps: logTime, debug });
  } catch (error) {
    fail((error as Error).message);
    return;
  }
  const { options, warnings } = settings;
  for (const warning of warnings) log.warn(formatFault(warning));
  let broker: Broker;
  try {
    log.info("Starting ganglion-broker");
    log.info(`  Version:  ${REPORTED_VERSION}`);
    if (options.pidFile !== undefined) writeFileSync(options.pidFile, String(process.pid));
    broker = await startBroker({
      ...withoutCommandOptions(options),
      logger: log,
      ...(options.trace ? { traceLine: (line: string) => log.trace(line) } : {}),
    });
  } catch (error) {
    log.fatal((error as Error).message);
    process.exitCode = 1;
    return;
  }
  log.info(`  Name:     ${broker.serverName}`);
  log.info(`  ID:       ${broker.serverId}`);
  if (flags.configFile !== undefined) log.info(`Using configuration file: ${flags.configFile}`);
  const directory = options.portsFileDir;
  const portsFile =
    directory === undefined ? undefined : writePortsFile(directory, executable, portsOf(broker));
  handleSignals({ stop: () => void stop(broker, portsFile, log), reopenLog: () => log.reopen() });
  log.info("Server is ready");
}

function withoutCommandOptions(options: BrokerOptions): BrokerOptions {
  const own: ReadonlySet<string> = new Set(COMMAND_OPTIONS);
  return Object.fromEntries(Object.entries(options).filter(([name]) => !own.has(name)));
}

async function stop(broker: Broker, portsFile: string | undefined, log: CommandLog): Promise<void> {
  log.info("Initiating Shutdown...");
  if (portsFile !== undefined) removePortsFile(portsFile);
  await broker.close();
  log.info("Server Exiting..");
  process.exit(0);
}
