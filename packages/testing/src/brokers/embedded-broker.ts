import { join } from "node:path";
import { type Broker, startBroker } from "@ganglion/broker";
import { testingError } from "../errors.js";
import { type TempDirectory, tempDirectory } from "../temp-directory.js";
import type { ResolvedTestBrokerOptions, RestartOptions, TestBroker } from "../test-broker.js";

/**
 * Starts the Ganglion broker inside this process.
 *
 * @throws GanglionError `TEST_BROKER_UNSUPPORTED` for `config`: only its executable reads configuration files.
 */
export async function startEmbeddedBroker(options: ResolvedTestBrokerOptions): Promise<TestBroker> {
  if (options.config !== undefined) {
    throw testingError(
      "TEST_BROKER_UNSUPPORTED",
      "An embedded broker takes no configuration file: use kind broker-process, or startBroker of @ganglion/broker",
    );
  }
  const directory = await tempDirectory("ganglion-embedded-");
  const setup = {
    directory,
    storeDir: options.storeDir ?? join(directory.path, "store"),
    jetstream: options.jetstream,
  };
  try {
    return new EmbeddedBroker(setup, await run(setup, 0));
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

/** Everything that stays the same when the broker is started again. */
interface EmbeddedSetup {
  /** Holds the store, unless the caller named another place. */
  readonly directory: TempDirectory;
  readonly storeDir: string;
  readonly jetstream: boolean;
}

function run({ jetstream, storeDir }: EmbeddedSetup, port: number): Promise<Broker> {
  return startBroker({ host: "127.0.0.1", port, jetstream: jetstream ? { storeDir } : false });
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
