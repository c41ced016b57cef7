import { createRequire } from "node:module";
import { expect, it } from "vitest";

const loadedSdkFiles = () =>
  Object.keys(createRequire(import.meta.url).cache).filter((file) =>
    /@opentelemetry.(sdk-|exporter-|resources)/.test(file),
  );

it("loads the SDK when it is started, not when the package is imported", async () => {
  const { MemorySpanExporter, startOtel } = await import("./index.js");
  expect(loadedSdkFiles()).toEqual([]);
  const otel = await startOtel({ serviceName: "a", exporter: new MemorySpanExporter(), global: false });
  expect(loadedSdkFiles()).not.toEqual([]);
  expect(loadedSdkFiles().filter((file) => file.includes("exporter-"))).toEqual([]);
  await otel.shutdown();
});
