import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Broker, type BrokerConfig, loadBrokerConfig, startBroker } from "@ganglion/broker";
import { testingError } from "../errors.js";
import { type TempDirectory, tempDirectory } from "../temp-directory.js";
import type { ResolvedTestBrokerOptions, RestartOptions, TestBroker } from "../test-broker.js";

/**
 * Starts the Ganglion broker inside this process.
 *
 * @throws GanglionError `TEST_BROKER_START_FAILED` with what is wrong with the configuration.
 */
export async function startEmbeddedBroker(options: ResolvedTestBrokerOptions): Promise<TestBroker> {
  const directory = await tempDirectory("ganglion-embedded-");
  const setup = {
    directory,
    storeDir: options.storeDir ?? join(directory.path, "store"),
    jetstream: options.jetstream,
  };
  try {
    const config = options.config === undefined ? {} : await load(directory.path, options.config);
    return new EmbeddedBroker({ ...setup, config }, await run({ ...setup, config }, 0));
  } catch (cause) {
    await directory.remove();
    throw testingError("TEST_BROKER_START_FAILED", `The embedded broker did not start: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Everything that stays the same when the broker is started again. */
interface EmbeddedSetup {
  /** Holds the store, unless the caller named another place. */
  readonly directory: TempDirectory;
  readonly storeDir: string;
  readonly jetstream: boolean;
  readonly config: BrokerConfig;
}

async function load(directory: string, text: string): Promise<BrokerConfig> {
  const file = join(directory, "server.conf");
  await writeFile(file, text);
  return loadBrokerConfig(file, { readFile: (path) => readFileSync(path, "utf8"), env: process.env }).config;
}

/** As flags over the file: those of a process win as well. */
function run({ jetstream, storeDir, config }: EmbeddedSetup, port: number): Promise<Broker> {
  const streams = jetstream ? { jetstream: { ...config.jetstream, enabled: true, storeDir } } : {};
  return startBroker({ ...config, host: "127.0.0.1", port, ...streams });
}

class EmbeddedBroker implements TestBroker {
  readonly kind = "embedded";
  readonly url: string;

  constructor(
    private readonly setup: EmbeddedSetup,
    private broker: Broker,
  ) {
    this.url = broker.url;
  }

  get servers(): readonly string[] {
    return [this.url];
  }

  get monitoringUrl(): string | undefined {
    return this.broker.monitoringUrl;
  }

  get websocketUrl(): string | undefined {
    return this.broker.websocketUrl;
  }

  get storeDir(): string {
    return this.setup.storeDir;
  }

  async restart(options: RestartOptions = {}): Promise<void> {
    if (options.signal === "SIGKILL") return this.kill();
    await this.broker.close();
    this.broker = await run(this.setup, Number(new URL(this.url).port));
  }

  async kill(): Promise<void> {
    throw testingError(
      "TEST_BROKER_UNSUPPORTED",
      "An embedded broker cannot be killed without the test: use kind broker-process",
    );
  }

  async close(): Promise<void> {
    await this.broker.close();
    await this.setup.directory.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
