import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_PORT } from "@ganglion/protocol";
import { type Broker, startBroker } from "../broker.js";
import type { BrokerOptions } from "../options.js";
import { REPORTED_VERSION } from "../version.js";
import { type Flags, parseFlags, usage } from "./flags.js";
import { CommandLog } from "./log.js";
import { removePortsFile, writePortsFile } from "./ports-file.js";
import { handleSignals } from "./signals.js";

/** Runs the command. @param argv - as `process.argv`: node, script, arguments. */
export async function main(argv: readonly string[]): Promise<void> {
  const [, executable = "ganglion-broker", ...args] = argv;
  let flags: Flags;
  try {
    flags = parseFlags(args);
  } catch (error) {
    process.stderr.write(`ganglion-broker: ${(error as Error).message}\nUse --help to see the options.\n`);
    process.exitCode = 1;
    return;
  }
  if (flags.help) process.stdout.write(usage());
  else if (flags.version) process.stdout.write(versionText());
  else await serve(flags, executable);
}

/** The first line is in the form of nats-server's, which tools parse. */
function versionText(): string {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  return `nats-server: v${REPORTED_VERSION}\nganglion-broker: v${version}\n`;
}

async function serve(flags: Flags, executable: string): Promise<void> {
  const log = new CommandLog({
    file: flags.logFile,
    timestamps: flags.logTime ?? true,
    debug: Boolean(flags.debug || flags.debugAndTrace),
  });
  let broker: Broker;
  try {
    log.info("Starting ganglion-broker");
    log.info(`  Version:  ${REPORTED_VERSION}`);
    if (flags.pidFile !== undefined) writeFileSync(flags.pidFile, String(process.pid));
    broker = await startBroker(optionsFrom(flags, log));
  } catch (error) {
    log.fatal((error as Error).message);
    process.exitCode = 1;
    return;
  }
  log.info(`  Name:     ${broker.serverName}`);
  log.info(`  ID:       ${broker.serverId}`);
  const directory = flags.portsFileDir;
  const portsFile =
    directory === undefined ? undefined : writePortsFile(directory, executable, { nats: [broker.url] });
  handleSignals({ stop: () => void stop(broker, portsFile, log), reopenLog: () => log.reopen() });
  log.info("Server is ready");
}

function optionsFrom(flags: Flags, log: CommandLog): BrokerOptions {
  const hasTrace = flags.trace || flags.debugAndTrace;
  return {
    host: flags.host ?? "0.0.0.0",
    port: flags.port ?? DEFAULT_PORT,
    ...(flags.name === undefined ? {} : { serverName: flags.name }),
    ...(flags.jetstream ? { jetstream: { storeDir: flags.storeDir ?? join(tmpdir(), "ganglion") } } : {}),
    ...(hasTrace ? { trace: (line: string) => log.trace(line) } : {}),
    ...(flags.maxTracedMessageBytes === undefined
      ? {}
      : { maxTracedMessageBytes: flags.maxTracedMessageBytes }),
    ...authorizationFrom(flags),
    logger: log,
  };
}

function authorizationFrom({ user, pass, token }: Flags): Pick<BrokerOptions, "authorization"> {
  if (token !== undefined) return { authorization: { token } };
  if (user === undefined && pass === undefined) return {};
  return { authorization: { user: user ?? "", pass: pass ?? "" } };
}

async function stop(broker: Broker, portsFile: string | undefined, log: CommandLog): Promise<void> {
  log.info("Initiating Shutdown...");
  if (portsFile !== undefined) removePortsFile(portsFile);
  await broker.close();
  log.info("Server Exiting..");
  process.exit(0);
}
