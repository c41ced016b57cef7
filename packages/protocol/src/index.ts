export * from "./jetstream/index.js";
