import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { MetricReader } from "@opentelemetry/sdk-metrics";
import { otelError } from "./errors.js";

/** Where Prometheus scrapes this process. */
export interface PrometheusOptions {
  /** TCP port, 0 to 65,535; 0 takes a free one. @default 9464 */
  readonly port?: number;
  /** Address to listen on; name another to be reachable from outside. @default "127.0.0.1" */
  readonly host?: string;
}

/** An HTTP server that answers `GET /metrics`. */
export interface PrometheusEndpoint {
  readonly reader: MetricReader;
  /** Such as `http://127.0.0.1:9464/metrics`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts an HTTP server for Prometheus. The exporter's own server is not used, because it cannot take port 0.
 *
 * @throws GanglionError `METRICS_LISTEN_FAILED` when the port is taken.
 */
export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusEndpoint> {
  const { port = 9464, host = "127.0.0.1" } = options;
  const { PrometheusExporter } = await import("@opentelemetry/exporter-prometheus");
  const reader = new PrometheusExporter({ preventServerStart: true });
  const server = createServer((request, response) => {
    if (request.method === "GET" && request.url?.split("?")[0] === "/metrics") {
      reader.getMetricsRequestHandler(request, response);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(otelError("METRICS_LISTEN_FAILED", `Cannot serve metrics on ${host}:${port}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
  server.unref();
  const bound = server.address() as AddressInfo; // a TCP listener has no other form
  return {
    reader,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound.port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
