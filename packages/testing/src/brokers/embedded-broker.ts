import { testingError } from "../errors.js";
import type { ResolvedTestBrokerOptions, TestBroker } from "../test-broker.js";

/** Starts the Ganglion broker inside this process. */
export async function startEmbeddedBroker(_options: ResolvedTestBrokerOptions): Promise<TestBroker> {
  throw testingError("TEST_BROKER_UNAVAILABLE", "@ganglion/broker cannot be started yet");
}
