export { type DescribeBrokersOptions, describeBrokers, type StartBroker } from "./describe-brokers.js";
