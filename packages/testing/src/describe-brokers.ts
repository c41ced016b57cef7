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
  for (const kind of kinds) declare(name, suite, brokerAvailability(kind));
}

function declare(
  name: string,
  suite: (start: StartBroker, kind: TestBrokerKind) => void,
  { kind, reason }: BrokerAvailability,
): void {
  if (reason === undefined) {
    describe(`${name} on ${kind}`, () => suite((options) => startTestBroker({ ...options, kind }), kind));
  } else if (process.env.CI === "true") {
    it(`${name} on ${kind}`, () => {
      throw testingError("TEST_BROKER_UNAVAILABLE", `${kind} must be available where CI=true: ${reason}`);
    });
  } else {
    // biome-ignore lint/suspicious/noConsole: a skipped suite must say so where nobody reads suite names
    console.warn(`${name}: not run on ${kind}: ${reason}`);
    // biome-ignore lint/suspicious/noSkippedTests: the reason is printed, and CI=true fails above
    describe.skip(`${name} on ${kind} (${reason})`, () => suite(() => startTestBroker({ kind }), kind));
  }
}
