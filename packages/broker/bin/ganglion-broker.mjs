#!/usr/bin/env node
import { statSync } from "node:fs";

const BUNDLE = "../dist/bundle/ganglion-broker.js";
const COMPILED = "../dist/bin/ganglion-broker.js";

function changedMs(path) {
  return statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs;
}

/** In a checkout the bundle, which starts in half the time, may be older than what was compiled. */
function isBundleCurrent() {
  const bundledMs = changedMs(BUNDLE);
  if (bundledMs === undefined || changedMs("../tsconfig.json") === undefined) return bundledMs !== undefined;
  const packages = ["kernel", "protocol", "store", "broker"];
  return packages.every((name) => (changedMs(`../../${name}/dist/.tsbuildinfo`) ?? 0) <= bundledMs);
}

const { main } = await import(isBundleCurrent() ? BUNDLE : COMPILED);
await main(process.argv);
