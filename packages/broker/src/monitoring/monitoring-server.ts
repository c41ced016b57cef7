import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Server as TlsServer } from "node:tls";
import { isGanglionError } from "@ganglion/kernel";
import type { TlsConfig } from "../config/blocks/tls.js";
import { listen } from "../listeners/listen.js";
import { tlsServerOptions } from "../listeners/tls-options.js";
import type { BrokerState } from "./broker-state.js";
import { ENDPOINTS, JSON_CONTENT_TYPE, type MonitoringAnswer } from "./endpoints.js";
import { badRequest, MonitoringQuery } from "./query.js";
import { rootPage } from "./root-page.js";

/** Time a client has to send the head of its request. Source: nats-server server.go `startMonitoring`. */
const HEADERS_TIMEOUT_MS = 5_000;
const MAX_HEADER_BYTES = 1024 * 1024;
const BASE_URL = "http://monitor";
/** A function name, maybe below an object: anything else would be a script of the asker's own. */
const CALLBACK = /^[\w$.]{1,128}$/;

/** Answers questions about a broker over HTTP, or HTTPS when its options say so. */
export class MonitoringServer {
  private constructor(private readonly server: Server) {}

  /**
   * Starts to listen where the options say, and tells `state` where that is.
   *
   * @throws GanglionError `LISTEN_FAILED`, retryable when the address is in use; `TLS_UNUSABLE`.
   */
  static async open(state: BrokerState): Promise<MonitoringServer> {
    const { httpPort, httpsPort, httpHost, host, logger } = state.context.options;
    const scheme = httpsPort ? "https" : "http";
    const address = { host: httpHost ?? host, port: httpsPort || httpPort || 0 };
    const server = createSiteServer(state, scheme === "https");
    const bound = await listen(server, { address, purpose: "monitoring", logger });
    state.addresses[scheme] = bound;
    logger.info(`Starting ${scheme} monitor on ${bound.host}:${bound.port}`);
    return new MonitoringServer(server);
  }

  /** Reads the certificates again. @throws GanglionError `TLS_UNUSABLE`; then the old ones stay. */
  renewCertificates(tls: TlsConfig | undefined): void {
    if (tls !== undefined && this.server instanceof TlsServer) {
      this.server.setSecureContext(siteTls(tls));
    }
  }

  /** Answers nothing more. */
  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

function createSiteServer(state: BrokerState, isSecure: boolean): Server {
  const site = new MonitoringSite(state);
  const limits = { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES };
  const answer = (request: IncomingMessage, response: ServerResponse) => site.answer(request, response);
  if (!isSecure) return createServer(limits, answer);
  return createTlsServer({ ...siteTls(state.context.options.tls), ...limits }, answer);
}

/** Whoever may look need not show a certificate. Source: nats-server server.go `getMonitoringTLSConfig`. */
function siteTls(tls: TlsConfig | undefined) {
  return tlsServerOptions({ ...tls, verify: false });
}

/** The pages of a broker. */
class MonitoringSite {
  private readonly basePath: string;

  constructor(private readonly state: BrokerState) {
    this.basePath = `/${state.context.options.httpBasePath ?? ""}`.replace(/\/+/g, "/").replace(/\/$/, "");
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    // The body, if there is one, means nothing.
    request.resume();
    const target = request.url ?? "/";
    const url = URL.canParse(target, BASE_URL) ? new URL(target, BASE_URL) : undefined;
    const { statusCode, contentType, text } = this.find(url);
    const isJson = contentType === JSON_CONTENT_TYPE;
    response.writeHead(statusCode ?? 200, {
      "Content-Type": contentType,
      ...(isJson ? { "Access-Control-Allow-Origin": "*" } : { "X-Content-Type-Options": "nosniff" }),
    });
    response.end(request.method === "HEAD" ? undefined : text);
  }

  private find(url: URL | undefined): MonitoringAnswer {
    const { state, basePath } = this;
    if (url === undefined || !url.pathname.startsWith(basePath)) return NOT_FOUND;
    const path = url.pathname.slice(basePath.length);
    const endpoint = Object.hasOwn(ENDPOINTS, path) ? ENDPOINTS[path] : undefined;
    const isRoot = path === "/" || path === "";
    if (endpoint === undefined && !isRoot) return NOT_FOUND;
    const counted = isRoot ? "/" : path;
    state.httpRequests.set(counted, (state.httpRequests.get(counted) ?? 0) + 1);
    const { server_name } = state.context.info();
    if (endpoint === undefined)
      return { contentType: "text/html; charset=utf-8", text: rootPage(basePath, server_name) };
    try {
      return wrapped(
        endpoint(state, new MonitoringQuery(url.searchParams)),
        url.searchParams.get("callback"),
      );
    } catch (error) {
      if (isGanglionError(error, "INVALID_MONITORING_REQUEST")) return plain(400, error.message);
      state.context.options.logger.error("monitoring failed", { path, error });
      return plain(500, "internal error");
    }
  }
}

/** Puts a JSON answer into a call of the asker's function, when one is named. Source: nats-server 2.9 monitor.go `ResponseHandler`. */
function wrapped(answer: MonitoringAnswer, callback: string | null): MonitoringAnswer {
  if (callback === null || callback === "" || answer.contentType !== JSON_CONTENT_TYPE) return answer;
  if (!CALLBACK.test(callback)) throw badRequest("callback must be the name of a function");
  return { ...answer, contentType: "application/javascript", text: `${callback}(${answer.text})` };
}

function plain(statusCode: number, text: string): MonitoringAnswer {
  return { statusCode, contentType: "text/plain; charset=utf-8", text };
}

const NOT_FOUND = plain(404, "404 page not found\n");
