import { writeFileSync } from "node:fs";
import { type Broker, startBroker } from "../broker.js";
import { formatFault } from "../config/fault.js";
import { type BrokerOptions, COMMAND_OPTIONS } from "../options.js";
import type { Flags } from "./flags.js";
import { type CommandSettings, loadSettings } from "./load-settings.js";
import { CommandLog } from "./log.js";
import { portsOf, removePortsFile, writePortsFile } from "./ports-file.js";
import { PROCESS_NAME } from "./send-signal.js";
import { handleSignals } from "./signals.js";

/**
 * Runs a broker until a signal ends the process.
 *
 * @param executable - path this process was started with.
 * @throws GanglionError for a configuration that cannot be used; Error when the log file cannot be opened.
 */
export async function serve(flags: Flags, executable: string): Promise<void> {
  // Others find the process by it, and the arguments, which may be secrets, are no longer seen.
  process.title = PROCESS_NAME;
  const settings = loadSettings(flags);
  const log = new CommandLog(settings.options);
  for (const warning of settings.warnings) log.warn(formatFault(warning));
  try {
    await new Command(flags, log, executable).start(settings);
  } catch (error) {
    log.fatal((error as Error).message);
    process.exitCode = 1;
  }
}

/** The running command: a broker with its files. */
class Command {
  private portsFile: string | undefined;
  private isStopping = false;

  constructor(
    private readonly flags: Flags,
    private readonly log: CommandLog,
    private readonly executable: string,
  ) {}

  async start({ options }: CommandSettings): Promise<void> {
    const { log } = this;
    log.info("Starting ganglion-broker");
    if (this.flags.configFile) log.info(`Using configuration file: ${this.flags.configFile}`);
    const broker = await startBroker(this.brokerOptions(options));
    try {
      this.writeFiles(broker, options);
    } catch (error) {
      await broker.close();
      throw error;
    }
    handleSignals(log, {
      stop: () => void this.stop(broker),
      reopenLog: () => log.reopen(),
    });
    log.info("Server is ready");
  }

  private writeFiles(broker: Broker, { pidFile, portsFileDir }: BrokerOptions): void {
    if (pidFile) writeFileSync(pidFile, String(process.pid));
    if (portsFileDir) this.portsFile = writePortsFile(portsFileDir, this.executable, portsOf(broker));
  }

  private brokerOptions(options: BrokerOptions): BrokerOptions {
    const own: ReadonlySet<string> = new Set(COMMAND_OPTIONS);
    return {
      ...Object.fromEntries(Object.entries(options).filter(([name]) => !own.has(name))),
      logger: this.log,
      traceLine: (line) => this.log.trace(line),
      trace: options.trace ?? false,
    };
  }

  private async stop(broker: Broker): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    this.log.info("Initiating Shutdown...");
    if (this.portsFile !== undefined) removePortsFile(this.portsFile);
    await broker.close();
    this.log.info("Server Exiting..");
    process.exit(0);
  }
}
