export { availableBrokers, type BrokerAvailability, brokerAvailability } from "./broker-availability.js";
export type { TestingErrorCode } from "./errors.js";
export type { Fault, FaultTarget } from "./faults/fault-rules.js";
export {
  type FaultyBroker,
  type FaultyBrokerOptions,
  faultyBroker,
  type LostAck,
} from "./faults/faulty-broker.js";
export { brokerKindFromEnvironment, defaultBrokerKind, startTestBroker } from "./start-test-broker.js";
export { type TempDirectory, tempDirectory } from "./temp-directory.js";
export { type TestApp, type TestAppOptions, testApp } from "./test-app.js";
export {
  type RestartOptions,
  TEST_BROKER_KINDS,
  type TestBroker,
  type TestBrokerKind,
  type TestBrokerOptions,
} from "./test-broker.js";
export { type WaitForOptions, waitFor } from "./wait-for.js";
