import { expect, it } from "vitest";
import { MemorySpanExporter } from "./memory-span-exporter.js";
import { startOtel } from "./start-otel.js";

it("MemorySpanExporter keeps the latest spans within its limit and counts the dropped", async () => {
  const exporter = new MemorySpanExporter({ maxSpans: 8 });
  const otel = await startOtel({ serviceName: "a", exporter, global: false });
  for (let index = 0; index < 30; index++)
    otel.observer.startSpan({ name: `s${index}`, kind: "internal" }).end();
  expect(exporter.spans().map((span) => span.name)).toEqual(
    Array.from({ length: 8 }, (_, index) => `s${index + 22}`),
  );
  expect(exporter.droppedCount).toBe(22);
  await otel.shutdown();
  expect(exporter.spans()).toHaveLength(8);
  exporter.clear();
  expect([exporter.spans().length, exporter.droppedCount]).toEqual([0, 0]);
});

it("MemorySpanExporter keeps services apart and draws one trace across them", async () => {
  const exporter = new MemorySpanExporter();
  const [orders, stock] = await Promise.all(
    ["orders", "stock"].map((serviceName) => startOtel({ serviceName, exporter, global: false })),
  );
  const call = orders?.observer.startSpan({ name: "stock.reserve", kind: "client" });
  const carried = new Map<string, string>();
  call?.inject((name, value) => carried.set(name, value));
  stock?.observer
    .startSpan({ name: "stock.reserve", kind: "server", parent: (name) => carried.get(name) })
    .end();
  call?.end();
  const tree = exporter.formatSpanTree(call?.ids?.traceId ?? "");
  expect(tree.replace(/\d+\.\d ms/g, "# ms").replace(/ +/g, " ")).toBe(
    "stock.reserve client # ms ok orders\n└─ stock.reserve server # ms ok stock",
  );
  await Promise.all([orders?.shutdown(), stock?.shutdown()]);
});
