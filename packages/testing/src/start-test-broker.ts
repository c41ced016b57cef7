import { startContainerBroker } from "./brokers/container-broker.js";
import { startEmbeddedBroker } from "./brokers/embedded-broker.js";
import { startBrokerProcess, startNatsServer } from "./brokers/process-broker.js";
import { testingError } from "./errors.js";
import {
  type ResolvedTestBrokerOptions,
  TEST_BROKER_KINDS,
  type TestBroker,
  type TestBrokerKind,
  type TestBrokerOptions,
} from "./test-broker.js";

/**
 * Starts a broker on 127.0.0.1 and a free port, and returns when clients can connect.
 *
 * @throws GanglionError `TEST_BROKER_UNAVAILABLE`, `TEST_BROKER_START_FAILED`, `TEST_BROKER_UNKNOWN_KIND`,
 *   `TEST_BROKER_UNSUPPORTED`
 * @example
 * await using broker = await startTestBroker();
 * const connection = await connect({ servers: broker.url });
 */
export function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const { jetstream = true, storeDir, config } = options;
  const resolved: ResolvedTestBrokerOptions = { jetstream, storeDir, config };
  return STARTERS[options.kind ?? defaultBrokerKind()](resolved);
}

const STARTERS: Readonly<
  Record<TestBrokerKind, (options: ResolvedTestBrokerOptions) => Promise<TestBroker>>
> = {
  embedded: startEmbeddedBroker,
  "nats-server": startNatsServer,
  "broker-process": startBrokerProcess,
  container: startContainerBroker,
};

/** The kind the environment asks for, `embedded` when it does not. */
export function defaultBrokerKind(env: NodeJS.ProcessEnv = process.env): TestBrokerKind {
  return brokerKindFromEnvironment(env) ?? "embedded";
}

/**
 * The kind named by `GANGLION_TEST_BROKER`, undefined when it is unset or empty.
 *
 * @throws GanglionError `TEST_BROKER_UNKNOWN_KIND`
 */
export function brokerKindFromEnvironment(env: NodeJS.ProcessEnv = process.env): TestBrokerKind | undefined {
  const name = env.GANGLION_TEST_BROKER;
  if (name === undefined || name === "") return undefined;
  const kind = TEST_BROKER_KINDS.find((candidate) => candidate === name);
  if (kind !== undefined) return kind;
  throw testingError(
    "TEST_BROKER_UNKNOWN_KIND",
    `GANGLION_TEST_BROKER is ${JSON.stringify(name)}: use one of ${TEST_BROKER_KINDS.join(", ")}`,
    { details: { name } },
  );
}
