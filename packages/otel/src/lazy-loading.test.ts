import { createRequire } from "node:module";
import { expect, it } from "vitest";

const loadedSdkFiles = () =>
  Object.keys(createRequire(import.meta.url).cache).filter((file) =>
    /@opentelemetry.(sdk-|exporter-|resources)/.test(file),
  );

const loaded = (part: string) => loadedSdkFiles().filter((file) => file.includes(part));

it("loads of the SDK what is needed, when it is started and not when the package is imported", async () => {
  const { MemorySpanExporter, startOtel } = await import("./index.js");
  expect(loadedSdkFiles()).toEqual([]);
  const inMemory = await startOtel({ serviceName: "a", exporter: new MemorySpanExporter(), global: false });
  expect(loadedSdkFiles()).not.toEqual([]);
  expect(loaded("exporter-")).toEqual([]);
  expect(loaded("sdk-node")).toEqual([]);
  await inMemory.shutdown();

  const exporting = await startOtel({ serviceName: "a", otlpUrl: "http://127.0.0.1:9", global: false });
  expect(loaded("sdk-node")).not.toEqual([]);
  await exporting.shutdown();
}, 60_000);
