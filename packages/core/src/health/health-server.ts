import { createServer } from "node:http";
import { coreError } from "../errors.js";
import type { App } from "../runtime/app.js";

/** Options of {@link serveHealth}. */
export interface HealthServerOptions {
  /** @default "127.0.0.1"; in a container, "0.0.0.0" */
  readonly host?: string;
  /** 0 takes a free one. @default 8080 */
  readonly port?: number;
}

/** A running health server. */
export interface HealthServer extends AsyncDisposable {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Answers the probes of an orchestrator: `/livez` (restart it when this fails), `/readyz` (send it work while this
 * succeeds) and `/healthz` (the same as `/readyz`), with 200 or 503 and what {@link App.health} says as JSON.
 *
 * @throws GanglionError `HEALTH_LISTEN_FAILED`
 * @example await using health = await serveHealth(app, { host: "0.0.0.0", port: 8080 });
 */
export async function serveHealth(app: App, options: HealthServerOptions = {}): Promise<HealthServer> {
  const { host = "127.0.0.1", port = 8080 } = options;
  const server = createServer(({ url = "", method = "" }, response) => {
    const [path = ""] = url.split("?");
    const health = app.health();
    const ok = PROBES[path]?.(health);
    const status = ok === undefined ? 404 : method !== "GET" && method !== "HEAD" ? 405 : ok ? 200 : 503;
    const body = ok === undefined ? { error: "not found", paths: Object.keys(PROBES) } : health;
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(method === "HEAD" ? undefined : `${JSON.stringify(body)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        coreError(
          "HEALTH_LISTEN_FAILED",
          `The health server cannot listen on ${host}:${port}: ${cause.message}`,
          {
            cause,
            details: { host, port },
          },
        ),
      ),
    );
    server.listen({ host, port }, resolve);
  });
  // Probes alone do not keep a process alive.
  server.unref();
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Probe = (health: ReturnType<App["health"]>) => boolean;

const PROBES: Readonly<Record<string, Probe>> = {
  "/livez": ({ live }) => live,
  "/readyz": ({ ready }) => ready,
  "/healthz": ({ ready }) => ready,
};
