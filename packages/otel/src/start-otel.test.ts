import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type GanglionError, isGanglionError, type Logger, silentLogger } from "@ganglion/kernel";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { MemorySpanExporter } from "./memory-span-exporter.js";
import { loadSdk } from "./sdk-modules.js";
import { type Otel, startOtel } from "./start-otel.js";

/** What the first import of the SDK may take on a slow disk. */
const LOAD_TIMEOUT_MS = 60_000;

interface Received {
  readonly path: string;
  // biome-ignore lint/suspicious/noExplicitAny: a decoded OTLP body, read by the assertions only
  readonly body: any;
}

describe("startOtel", () => {
  beforeAll(() => loadSdk({ exporting: true }), LOAD_TIMEOUT_MS);
  const open: (Otel | Server)[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) {
      if ("shutdown" in one) await one.shutdown();
      else one.close();
    }
  });

  async function collector(status = 200): Promise<{ url: string; received: Received[] }> {
    const received: Received[] = [];
    const server = createServer(async (request, response) => {
      received.push({ path: request.url ?? "", body: JSON.parse(await text(request)) });
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push(server);
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
  }

  it("sends spans and measurements to an OTLP/HTTP collector when flushed", async () => {
    const { url, received } = await collector();
    const otel = await startOtel({
      serviceName: "orders",
      serviceVersion: "1.2.3",
      resource: { "deployment.environment.name": "test" },
      otlpUrl: `${url}/`,
      global: false,
    });
    open.push(otel);
    const span = otel.observer.startSpan({ name: "orders.place", kind: "server" });
    span.fail(new Error("boom"));
    span.end();
    otel.observer.count("requests", 3);
    await otel.flush();

    const traces = received.find(({ path }) => path === "/v1/traces")?.body.resourceSpans[0];
    const resource = Object.fromEntries(
      traces.resource.attributes.map((attribute: { key: string; value: object }) => [
        attribute.key,
        Object.values(attribute.value)[0],
      ]),
    );
    expect(resource).toMatchObject({
      "service.name": "orders",
      "service.version": "1.2.3",
      "deployment.environment.name": "test",
    });
    // Source: opentelemetry-proto trace.proto: SPAN_KIND_SERVER = 2, STATUS_CODE_ERROR = 2.
    expect(traces.scopeSpans[0].spans).toMatchObject([
      { name: "orders.place", kind: 2, ...span.ids, status: { code: 2, message: "boom" } },
    ]);
    const metrics = received.find(({ path }) => path === "/v1/metrics")?.body.resourceMetrics[0];
    expect(metrics.scopeMetrics[0].metrics).toMatchObject([
      { name: "requests", sum: { dataPoints: [{ asDouble: 3 }] } },
    ]);
  });

  it("sends what is left on shutdown, once", async () => {
    const { url, received } = await collector();
    const otel = await startOtel({ serviceName: "orders", otlpUrl: url, global: false });
    otel.observer.startSpan({ name: "last", kind: "internal" }).end();
    await Promise.all([otel.shutdown(), otel.shutdown()]);
    await otel[Symbol.asyncDispose]();
    expect(received.filter(({ path }) => path === "/v1/traces")).toHaveLength(1);
  });

  it("fails a flush the collector refuses, tells the logger, and still shuts down", async () => {
    const { url } = await collector(400);
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
    const otel = await startOtel({ serviceName: "orders", otlpUrl: url, global: false, logger });
    otel.observer.startSpan({ name: "x", kind: "internal" }).end();
    const failure = await otel.flush().catch((error: unknown) => error);
    expect(isGanglionError(failure, "TELEMETRY_EXPORT_FAILED")).toBe(true);
    expect(warnings).toContain("could not export spans");
    await expect(otel.shutdown()).resolves.toBeUndefined();
  });

  it("ends an export that gets no answer after exportTimeout", async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push(server);
    const otlpUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const otel = await startOtel({ serviceName: "a", otlpUrl, exportTimeout: "100ms", global: false });
    otel.observer.startSpan({ name: "x", kind: "internal" }).end();
    const startedMs = performance.now();
    await otel.shutdown();
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    server.closeAllConnections();
  });

  it("serves measurements for Prometheus until it is shut down", async () => {
    const exporter = new MemorySpanExporter();
    const otel = await startOtel({ serviceName: "orders", exporter, prometheus: { port: 0 }, global: false });
    otel.observer.count("ganglion.requests", 2, { code: "OK" });
    otel.observer.record("ganglion.request.duration", 0.002);
    const url = otel.prometheusUrl ?? "";
    const page = await (await fetch(url)).text();
    expect(page).toMatch(/^ganglion_requests_total\{.*code="OK".*\} 2$/m);
    expect(page).toMatch(/^ganglion_request_duration_bucket\{.*le="0.0025".*\} 1$/m);
    expect((await fetch(url.replace("/metrics", "/"))).status).toBe(404);

    const port = Number(new URL(url).port);
    const second = startOtel({ serviceName: "b", exporter, prometheus: { port }, global: false });
    await expect(second).rejects.toMatchObject({ code: "METRICS_LISTEN_FAILED" });
    await otel.shutdown();
    await expect(fetch(url)).rejects.toThrow();
  });

  it("refuses bad options and names every fault", async () => {
    const bad = {
      serviceName: " ",
      otlpUrl: "localhost:4318",
      sampler: 2,
      metricInterval: "5",
      colour: "red",
      prometheus: { port: 1.5 },
    };
    const failure = await startOtel(bad as never).catch((error: unknown) => error);
    expect(isGanglionError(failure, "INVALID_OTEL_OPTIONS")).toBe(true);
    expect((failure as GanglionError).details.faults).toEqual([
      'unknown option "colour"',
      "serviceName must be a name that is not empty",
      'otlpUrl "localhost:4318" must be an http or https address',
      "sampler 2 must be between 0 and 1",
      "prometheus.port 1.5 must be between 0 and 65535",
      expect.stringContaining('Invalid metricInterval "5"'),
    ]);
  });
});

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
