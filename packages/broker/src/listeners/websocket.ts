import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { Server as TlsServer } from "node:tls";
import type { Logger } from "@ganglion/kernel";
import type { ServerInfo } from "@ganglion/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import { tlsPeerOf } from "../auth/certificate.js";
import type { WebSocketConfig } from "../config/blocks/websocket.js";
import type { Peer } from "../connection/connection.js";
import { isTls } from "../connection/tls-facts.js";
import type { ResolvedBrokerOptions } from "../options.js";
import { advertisedAddress } from "./advertised-address.js";
import { type ListenAddress, listen } from "./listen.js";
import { tlsServerOptions } from "./tls-options.js";
import { cookieCredentials } from "./websocket-cookies.js";
import { type HandshakeFault, handshakeFault, offersCompression, refusal } from "./websocket-handshake.js";
import { OriginPolicy } from "./websocket-origin.js";
import { WebSocketTransport } from "./websocket-transport.js";
import { peerAddress } from "./wildcard-host.js";

/**
 * Below this size compressing costs more than it saves: it is a trip to another thread and back. nats-server, which
 * compresses in place, begins at 64 bytes. Source: nats-server websocket.go `wsCompressThreshold`.
 */
const COMPRESSION_THRESHOLD_BYTES = 1024;
/** Source: nats-server websocket.go `wsMaxMsgPayloadMultiple`, `wsMaxMsgPayloadLimit`. */
const INFLATED_PAYLOADS = 8;
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
/** What the first message may hold beside CONNECT, where clients must show who they are. */
const FIRST_MESSAGE_BYTES = 64 * 1024;
/** How often connections are checked for having taken too long, at most. */
const CHECK_INTERVAL_MS = 1_000;

/** What happens to a WebSocket that is open. */
export interface WebSocketHandler {
  accept(transport: WebSocketTransport, peer: Peer): void;
  /** Whether clients must authenticate: until then they may send little. */
  isGuarded(): boolean;
}

/** Accepts clients over WebSocket. Source: nats-server websocket.go `startWebsocketServer`. */
export class WebSocketListener {
  private readonly origins: OriginPolicy;
  private readonly plain: WebSocketServer;
  private readonly compressing: WebSocketServer | undefined;
  private readonly server: Server;
  private readonly logger: Logger;
  private address: ListenAddress | undefined;

  private constructor(
    private readonly config: WebSocketConfig,
    private readonly options: ResolvedBrokerOptions,
    private readonly handler: WebSocketHandler,
  ) {
    this.logger = options.logger;
    this.origins = new OriginPolicy(config);
    // A message may hold many operations: what a client has gathered while it was not connected, for one.
    this.plain = this.protocol({ maxPayload: options.maxPendingBytes, perMessageDeflate: false });
    if (config.compression) {
      this.compressing = this.protocol({
        maxPayload: Math.min(options.maxPayloadBytes * INFLATED_PAYLOADS, MAX_INFLATED_BYTES),
        perMessageDeflate: {
          threshold: COMPRESSION_THRESHOLD_BYTES,
          serverNoContextTakeover: true,
          clientNoContextTakeover: true,
          zlibDeflateOptions: { level: 1 },
        },
      });
    }
    this.server = this.createServer();
    this.server.on("upgrade", (request, socket, head) => this.upgrade(request, socket, head));
  }

  /**
   * Starts to listen.
   *
   * @throws GanglionError `LISTEN_FAILED`, retryable when the address is in use; `TLS_UNUSABLE`.
   */
  static async open(options: ResolvedBrokerOptions, handler: WebSocketHandler): Promise<WebSocketListener> {
    const listener = new WebSocketListener(options.websocket ?? {}, options, handler);
    await listener.listen();
    return listener;
  }

  /** Where it listens. */
  get bound(): ListenAddress | undefined {
    return this.address;
  }

  /** Accepts nothing more. Open connections stay. */
  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** Reads the certificates again. @throws GanglionError `TLS_UNUSABLE`; then the old ones stay. */
  renewCertificates(): void {
    const { tls } = this.config;
    if (tls !== undefined && this.server instanceof TlsServer) {
      this.server.setSecureContext(tlsServerOptions(tls));
    }
  }

  private createServer(): Server {
    const { handshakeTimeoutMs, tls } = this.config;
    const limits = handshakeTimeoutMs
      ? {
          headersTimeout: handshakeTimeoutMs,
          requestTimeout: handshakeTimeoutMs,
          connectionsCheckingInterval: Math.min(handshakeTimeoutMs, CHECK_INTERVAL_MS),
        }
      : {};
    const refuse = (request: IncomingMessage, response: ServerResponse) => this.refuse(request, response);
    if (tls === undefined) return createServer(limits, refuse);
    const handshake = handshakeTimeoutMs ? { handshakeTimeout: handshakeTimeoutMs } : {};
    return createTlsServer({ ...tlsServerOptions(tls), ...limits, ...handshake }, refuse);
  }

  private protocol(
    options: Pick<
      ConstructorParameters<typeof WebSocketServer>[0] & object,
      "maxPayload" | "perMessageDeflate"
    >,
  ) {
    const server = new WebSocketServer({
      ...options,
      noServer: true,
      clientTracking: false,
      skipUTF8Validation: true,
      handleProtocols: () => false,
    });
    server.on("headers", (headers) => {
      for (const [name, value] of this.config.headers ?? []) headers.push(`${name}: ${value}`);
    });
    return server;
  }

  private async listen(): Promise<void> {
    const { server, config, options, logger } = this;
    const address = { host: config.host ?? options.host, port: config.port ?? 0 };
    this.address = await listen(server, { address, purpose: "websocket clients", logger });
    const { host, port } = this.address;
    const scheme = config.tls === undefined ? "ws" : "wss";
    logger.info(`Listening for websocket clients on ${scheme}://${host}:${port}`);
    if (config.tls === undefined) logger.warn("Websocket not configured with TLS. DO NOT USE IN PRODUCTION!");
  }

  private refuse(request: IncomingMessage, response: ServerResponse): void {
    const fault = handshakeFault(request, this.origins) ?? UPGRADE_MISSING;
    this.logRefusal(request, fault);
    const { headers, body } = refusal(fault);
    response.writeHead(fault.status, headers).end(body);
  }

  private logRefusal({ socket }: IncomingMessage, { reason }: HandshakeFault): void {
    const from = `${peerAddress(socket.remoteAddress)}:${socket.remotePort}`;
    this.logger.error(`${from} - websocket handshake error: ${reason}`);
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fault = handshakeFault(request, this.origins);
    if (fault !== undefined) {
      this.logRefusal(request, fault);
      refuseUpgrade(socket, fault);
      return;
    }
    const server = (offersCompression(request) && this.compressing) || this.plain;
    server.handleUpgrade(request, socket, head, (webSocket) => this.accept(webSocket, request, socket));
  }

  private accept(webSocket: WebSocket, request: IncomingMessage, socket: Duplex): void {
    const transport = new WebSocketTransport(webSocket);
    if (this.handler.isGuarded()) guardFirstMessage(webSocket, socket, this.options.maxControlLineBytes);
    const { config, address } = this;
    this.handler.accept(transport, {
      host: clientAddress(request),
      port: request.socket.remotePort ?? 0,
      type: "websocket",
      carrier: socket,
      credentials: cookieCredentials(request, config),
      info: {
        ...address,
        tls_required: config.tls !== undefined,
        tls_available: config.tls !== undefined,
        ...connectUrls(config.advertise, address?.port ?? 0),
      },
      ...(config.pingIntervalMs && { pingIntervalMs: config.pingIntervalMs }),
      ...(config.authorization?.timeoutMs && { authTimeoutMs: config.authorization.timeoutMs }),
      ...peerOfCertificate(request, config),
      closing: (reason) => {
        transport.closeReason = reason;
      },
    });
  }
}

const UPGRADE_MISSING: HandshakeFault = { status: 400, reason: "the request does not ask for an upgrade" };

function refuseUpgrade(socket: Duplex, fault: HandshakeFault): void {
  const { headers, body } = refusal(fault);
  const lines = Object.entries({ ...headers, Connection: "close", "Content-Length": body.length });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.on("error", () => {}); // the client may be gone already
  socket.end(`HTTP/1.1 ${fault.status} ${body.trimEnd()}\r\n${head}\r\n${body}`);
}

/** Cuts a client off that sends much before anybody knows who it is; a message has to be there as a whole to be read. */
function guardFirstMessage(webSocket: WebSocket, socket: Duplex, maxControlLineBytes: number): void {
  let receivedBytes = 0;
  const count = (chunk: Buffer) => {
    receivedBytes += chunk.length;
    if (receivedBytes > FIRST_MESSAGE_BYTES + maxControlLineBytes) webSocket.terminate();
  };
  socket.on("data", count);
  webSocket.once("message", () => socket.off("data", count));
}

/** The address a proxy vouches for, else the peer's. Source: nats-server websocket.go `wsXForwardedForHeader`. */
function clientAddress({ headers, socket }: IncomingMessage): string {
  const [forwarded = ""] = String(headers["x-forwarded-for"] ?? "").split(",");
  return isIP(forwarded) === 0 ? peerAddress(socket.remoteAddress) : forwarded;
}

/** What the certificate of the client says, where one is asked for. */
function peerOfCertificate({ socket }: IncomingMessage, { tls }: WebSocketConfig): Pick<Peer, "tlsPeer"> {
  const certificate = tls?.verify && isTls(socket) ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? {} : { tlsPeer: tlsPeerOf(certificate) };
}

/** The address clients may come back to, when the configuration says one. */
function connectUrls(advertise: string | undefined, port: number): Pick<ServerInfo, "connect_urls"> {
  const address = advertise === undefined ? undefined : advertisedAddress(advertise, port);
  if (address === undefined) return {};
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host;
  return { connect_urls: [`${host}:${address.port}`] };
}
