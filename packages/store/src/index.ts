export * from "./consumer-store.js";
export * from "./errors.js";
export { type FileStorageOptions, openFileStorage } from "./file/file-storage.js";
export { NodeFileSystem } from "./file/node-file-system.js";
export * from "./file-system.js";
export { type MemoryStorageOptions, openMemoryStorage } from "./memory/memory-storage.js";
export * from "./message-store.js";
export {
  checkStore,
  type DumpedItem,
  dumpStore,
  type OfflineStoreOptions,
  repairStore,
  type StoreReport,
  type StreamReport,
} from "./offline/offline-store.js";
export * from "./storage.js";
