import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { BROKER_PROGRAM } from "./brokers/process-broker.js";
import { TEST_BROKER_KINDS, type TestBrokerKind } from "./test-broker.js";

/** Whether a broker can be started here. */
export interface BrokerAvailability {
  readonly kind: TestBrokerKind;
  /** Why it cannot, undefined when it can. */
  readonly reason: string | undefined;
}

/** Tells for every kind of broker whether it can be started here. */
export function availableBrokers(): readonly BrokerAvailability[] {
  return TEST_BROKER_KINDS.map(brokerAvailability);
}

/** Tells whether a broker of this kind can be started here, as far as a look at the file system tells. */
export function brokerAvailability(kind: TestBrokerKind): BrokerAvailability {
  return { kind, reason: REASONS[kind]() };
}

const REASONS: Readonly<Record<TestBrokerKind, () => string | undefined>> = {
  embedded: () => undefined,
  "nats-server": () => (isOnPath("nats-server") ? undefined : "nats-server is not on the PATH"),
  "broker-process": () => (existsSync(BROKER_PROGRAM) ? undefined : `${BROKER_PROGRAM} is not built`),
  container: () =>
    process.env.DOCKER_HOST !== undefined || existsSync("/var/run/docker.sock")
      ? undefined
      : "there is no Docker socket",
};

function isOnPath(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
