import { describe, it } from "vitest";
import { type BrokerAvailability, brokerAvailability } from "./broker-availability.js";
import { testingError } from "./errors.js";
import { brokerKindFromEnvironment, startTestBroker } from "./start-test-broker.js";
import type { TestBroker, TestBrokerKind, TestBrokerOptions } from "./test-broker.js";

/** Starts a broker of the kind the suite runs on. */
export type StartBroker = (options?: Omit<TestBrokerOptions, "kind">) => Promise<TestBroker>;

/** What {@link describeBrokers} takes beside the suite. */
export interface DescribeBrokersOptions {
  /** @default ["embedded", "nats-server"] */
  readonly kinds?: readonly TestBrokerKind[];
}

/**
 * Declares a vitest suite once for each broker. A broker that cannot run here is skipped with the reason in the
 * suite's name; where `CI` is `true` it fails instead. `GANGLION_TEST_BROKER` narrows the run to one broker.
 *
 * @param suite - declares the tests; `start` starts a broker of `kind`.
 * @example
 * describeBrokers("request", (start) => {
 *   it("is answered", async () => {
 *     await using broker = await start();
 *   });
 * });
 */
export function describeBrokers(
  name: string,
  suite: (start: StartBroker, kind: TestBrokerKind) => void,
  options: DescribeBrokersOptions = {},
): void {
  const only = brokerKindFromEnvironment();
  const kinds = only === undefined ? (options.kinds ?? ["embedded", "nats-server"]) : [only];
  const required = process.env.CI === "true";
  for (const kind of kinds) declareSuite({ name, suite, broker: brokerAvailability(kind), required });
}

/** The functions of vitest that declare suites; tests give others. */
export interface SuiteApi {
  describe(name: string, suite: () => void): void;
  skip(name: string, suite: () => void): void;
  it(name: string, test: () => void): void;
}

const VITEST: SuiteApi = {
  describe: (name, suite) => void describe(name, suite),
  // biome-ignore lint/suspicious/noSkippedTests: only with a reason that is printed, and never where CI=true
  skip: (name, suite) => void describe.skip(name, suite),
  it: (name, test) => void it(name, test),
};

/** A suite and where it is to run. */
export interface BrokerSuite {
  readonly name: string;
  readonly suite: (start: StartBroker, kind: TestBrokerKind) => void;
  readonly broker: BrokerAvailability;
  /** Whether a broker that is missing is a failure. */
  readonly required: boolean;
}

/** Declares one suite on one broker, or what takes its place when the broker is missing. */
export function declareSuite({ name, suite, broker, required }: BrokerSuite, api: SuiteApi = VITEST): void {
  const { kind, reason } = broker;
  const declare = () => suite((options) => startTestBroker({ ...options, kind }), kind);
  if (reason === undefined) {
    api.describe(`${name} on ${kind}`, declare);
  } else if (required) {
    api.it(`${name} on ${kind}`, () => {
      throw testingError("TEST_BROKER_UNAVAILABLE", `${kind} must be available where CI=true: ${reason}`);
    });
  } else {
    // biome-ignore lint/suspicious/noConsole: a skipped suite must say so where nobody reads suite names
    console.warn(`${name}: not run on ${kind}: ${reason}`);
    api.skip(`${name} on ${kind} (${reason})`, declare);
  }
}
