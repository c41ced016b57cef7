export { type Broker, startBroker } from "./broker.js";
export type { BrokerStatistics } from "./connection/connection-registry.js";
export * from "./errors.js";
export type { BrokerOptions, JetStreamOptions } from "./options.js";
export { REPORTED_VERSION } from "./version.js";
