export { CORE_ERRORS, type CoreErrorCode } from "./errors.js";
export * from "./runtime/app.js";
