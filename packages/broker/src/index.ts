export { type Broker, startBroker } from "./broker.js";
export { type ConfigFault, formatFault } from "./config/fault.js";
export { type LoadedConfig, loadBrokerConfig } from "./config/load-config.js";
export type { FileReader, ParserWorld } from "./config/parser.js";
export type { BrokerConfig } from "./config/schema.js";
export type { BrokerStatistics } from "./connection/connection-registry.js";
export * from "./errors.js";
export type { BrokerOptions, JetStreamOptions } from "./options.js";
export { REPORTED_VERSION } from "./version.js";
