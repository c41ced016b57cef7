import { writeFileSync } from "node:fs";
import { type Broker, startBroker } from "../broker.js";
import { formatFault } from "../config/fault.js";
import { brokerFields } from "../config/schema.js";
import { brokerError } from "../errors.js";
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
    await new Command({ flags, log, executable }, settings.options).start();
  } catch (error) {
    log.fatal((error as Error).message);
    process.exitCode = 1;
  }
}

interface CommandContext {
  readonly flags: Flags;
  readonly log: CommandLog;
  readonly executable: string;
}

/** The running command: a broker with its files. */
class Command {
  private broker: Broker | undefined;
  private portsFile: string | undefined;
  private isLeaving = false;
  private isStopping = false;

  constructor(
    private readonly context: CommandContext,
    private options: CommandSettings["options"],
  ) {}

  async start(): Promise<void> {
    const { log, flags } = this.context;
    log.info("Starting ganglion-broker");
    if (flags.configFile) log.info(`Using configuration file: ${flags.configFile}`);
    this.listenToSignals();
    process.on("uncaughtException", (error) => {
      log.fatal(error.stack ?? String(error));
      process.exit(1);
    });
    const broker = await startBroker(this.brokerOptions(this.options));
    this.broker = broker;
    try {
      this.writePid();
      this.writePorts(broker);
    } catch (error) {
      await broker.close();
      throw error;
    }
    log.info("Server is ready");
  }

  private listenToSignals(): void {
    const { log } = this.context;
    handleSignals(log, {
      stop: () => void this.stop(),
      // In lame duck mode the end is near anyway. Source: nats-server signal.go `handleSignal`.
      terminate: () => void (this.isLeaving || this.stop()),
      reopenLog: () => log.reopen(),
      reload: () => void (this.broker && this.reload(this.broker)),
      lameDuck: () => void (this.broker && this.leave(this.broker)),
    });
  }

  private brokerOptions(options: BrokerOptions): BrokerOptions {
    const own: ReadonlySet<string> = new Set(COMMAND_OPTIONS);
    const { log } = this.context;
    return {
      ...Object.fromEntries(Object.entries(options).filter(([name]) => !own.has(name))),
      logger: log,
      traceLine: (line) => log.trace(line),
      trace: options.trace ?? false,
    };
  }

  private writePid(): void {
    if (this.options.pidFile) writeFileSync(this.options.pidFile, String(process.pid));
  }

  private writePorts(broker: Broker): void {
    const { portsFileDir } = this.options;
    if (portsFileDir) {
      this.portsFile = writePortsFile(portsFileDir, this.context.executable, portsOf(broker));
    }
  }

  private removePorts(): void {
    if (this.portsFile !== undefined) removePortsFile(this.portsFile);
    this.portsFile = undefined;
  }

  /** Reads the configuration file again. What cannot be taken over is told, and changes nothing. */
  private async reload(broker: Broker): Promise<void> {
    const { log, flags } = this.context;
    try {
      if (!flags.configFile) {
        throw brokerError(
          "RELOAD_REFUSED",
          "can only reload config when a file is provided using -c or --config",
        );
      }
      const { options, warnings } = loadSettings(flags);
      for (const warning of warnings) log.warn(formatFault(warning));
      await broker.reload(this.brokerOptions(options));
      this.follow(broker, options);
    } catch (error) {
      log.error(`Failed to reload server configuration: ${(error as Error).message}`);
    }
  }

  /** Takes over what concerns the command itself. */
  private follow(broker: Broker, options: CommandSettings["options"]): void {
    const before = this.options;
    this.options = options;
    const changed = COMMAND_OPTIONS.filter((name) => before[name] !== options[name]);
    this.context.log.configure(options);
    if (changed.includes("pidFile")) this.writePid();
    if (changed.includes("portsFileDir")) {
      this.removePorts();
      this.writePorts(broker);
    }
    for (const name of changed) {
      this.context.log.info(`Reloaded: ${brokerFields[name].keys[0]} = ${options[name] ?? ""}`);
    }
  }

  private async leave(broker: Broker): Promise<void> {
    if (this.isLeaving || this.isStopping) return;
    this.isLeaving = true;
    await broker.lameDuck();
    await this.stop();
  }

  /** While the broker is still starting there is nothing to close: nothing was acknowledged. */
  private async stop(): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    this.context.log.info("Initiating Shutdown...");
    this.removePorts();
    await this.broker?.close();
    this.context.log.info("Server Exiting..");
    process.exit(0);
  }
}
