/** What sibling packages of Ganglion need beyond the public surface. Not covered by version promises. */
export * from "./component/app-extension.js";
export * from "./component/component.js";
export { wireFault } from "./contract/wire-fault.js";
export * from "./decorators/method-decorator.js";
export * from "./delivery/backoff.js";
export * from "./messages/wire-form.js";
export * from "./runtime/app-internals.js";
export * from "./topology/resource.js";
export * from "./transport/consumer-spec.js";
export * from "./transport/jetstream.js";
export * from "./transport/message.js";
export * from "./transport/stream-spec.js";
export * from "./transport/transport.js";
