import { isIPv6, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { PROTOCOL_LEVEL, type ServerInfo } from "@ganglion/protocol";
import { Accounts } from "./accounts/accounts.js";
import type { OperatorMode } from "./accounts/operator-mode.js";
import { removeAddressFile, writeAddressFile } from "./address-file.js";
import { Authenticators } from "./auth/authenticators.js";
import { isOperated } from "./config/operated.js";
import { BlockPool } from "./connection/block-pool.js";
import { CLOSE_REASON } from "./connection/close-reason.js";
import { Connection, type Peer } from "./connection/connection.js";
import { ConnectionEvents } from "./connection/connection-events.js";
import { type BrokerStatistics, ConnectionRegistry } from "./connection/connection-registry.js";
import { FlushQueue } from "./connection/flush-queue.js";
import { brokerError } from "./errors.js";
import { type BrokerEventMap, type BrokerEventName, BrokerEvents } from "./events/broker-events.js";
import { reportingLogger } from "./events/reporting-logger.js";
import { HookAuthenticator } from "./hooks/hook-authenticator.js";
import type { BrokerJetStream } from "./jetstream/broker-jetstream.js";
import { leaveSlowly } from "./lame-duck.js";
import { advertisedAddress } from "./listeners/advertised-address.js";
import { inProcessPair } from "./listeners/in-process.js";
import { TcpListener } from "./listeners/tcp.js";
import type { TlsUpgrade } from "./listeners/tls-upgrade.js";
import type { WebSocketListener } from "./listeners/websocket.js";
import { peerAddress } from "./listeners/wildcard-host.js";
import { BrokerState } from "./monitoring/broker-state.js";
import type { ListenerAddress } from "./monitoring/broker-view.js";
import type { MonitoringServer } from "./monitoring/monitoring-server.js";
import { type BrokerOptions, type ResolvedBrokerOptions, resolveBrokerOptions } from "./options.js";
import { planReload } from "./reload/reload-plan.js";
import { type LiveContext, takeOver } from "./reload/take-over.js";
import { createServerId } from "./server-id.js";
import type { ClaimsRequests } from "./system/claims-requests.js";
import { SystemService } from "./system/system-service.js";
import type { ThreadBroker } from "./thread/thread-broker.js";
import { API_LEVEL, REPORTED_VERSION } from "./version.js";

/** A running broker. */
export interface Broker extends AsyncDisposable {
  /** Address for clients, such as `nats://127.0.0.1:4222`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly serverId: string;
  readonly serverName: string;
  /** Address of the monitoring server, such as `http://127.0.0.1:8222`; undefined when there is none. */
  readonly monitoringUrl: string | undefined;
  /** Address for WebSocket clients, such as `ws://127.0.0.1:8080`; undefined when there is none. */
  readonly websocketUrl: string | undefined;
  statistics(): BrokerStatistics;
  /**
   * Listens to what happens. Listeners are called in the middle of it: they must be quick.
   *
   * @returns a function that ends it.
   * @example
   * broker.on("disconnect", ({ client, reason }) => console.log(`${client.name} is gone: ${reason}`));
   */
  on<Name extends BrokerEventName>(name: Name, listener: (event: BrokerEventMap[Name]) => void): () => void;
  /**
   * Serves a client over any stream, such as one through a tunnel. It ends with the stream.
   *
   * @param peer - where it comes from, for logs and monitoring. @default `{ host: "stream", port: 0 }`
   */
  handle(transport: Duplex, peer?: { readonly host: string; readonly port: number }): void;
  /** Opens a client connection inside the process, without a socket. The stream speaks the NATS protocol. */
  connectInProcess(): Duplex;
  /**
   * Takes over changed options: users, permissions, limits, TLS and the like. Connections that lose their right are
   * closed. Certificates are read again.
   *
   * @param options - all of them, as for {@link startBroker}; logger, clock and hooks stay.
   * @throws GanglionError `INVALID_BROKER_OPTIONS`, `TLS_UNUSABLE`, `RELOAD_REFUSED` for what cannot change, such as a
   *   port; then nothing has changed.
   */
  reload(options: BrokerOptions): Promise<void>;
  /**
   * Stops slowly: accepts no more connections, tells clients to go elsewhere, closes them spread over
   * `lameDuckDurationMs`, and then stops. {@link Broker.close} cuts it short.
   */
  lameDuck(): Promise<void>;
  /** Stops: closes the listener, the connections and JetStream. Idempotent. */
  close(): Promise<void>;
}

/** {@link BrokerOptions} of a broker in a thread of its own. Hooks and a clock cannot cross threads. */
export interface ThreadBrokerOptions extends Omit<BrokerOptions, "hooks" | "clock"> {
  readonly thread: true;
}

/**
 * Starts a broker in this process. With `thread: true` it runs in a worker thread: neither it nor the application
 * holds the other up.
 *
 * @throws GanglionError `INVALID_BROKER_OPTIONS`, `LISTEN_FAILED`; with `thread: true` also `BROKER_THREAD_FAILED`.
 * @example
 * await using broker = await startBroker();
 * const nc = await connect({ servers: broker.url });
 */
export function startBroker(options: ThreadBrokerOptions): Promise<ThreadBroker>;
export function startBroker(options?: BrokerOptions & { readonly thread?: false }): Promise<Broker>;
export async function startBroker({
  thread = false,
  ...options
}: BrokerOptions & { readonly thread?: boolean } = {}): Promise<Broker | ThreadBroker> {
  if (thread) {
    const { startThreadBroker } = await import("./thread/thread-broker.js");
    return startThreadBroker(options);
  }
  const broker = new RunningBroker(resolveBrokerOptions(options));
  await broker.start();
  return broker;
}

class RunningBroker implements Broker {
  readonly serverId = createServerId();
  readonly serverName: string;
  private readonly context: LiveContext;
  private listener: TcpListener | undefined;
  private tls: TlsUpgrade | undefined;
  private jetstream: BrokerJetStream | undefined;
  private monitoring: MonitoringServer | undefined;
  private websocket: WebSocketListener | undefined;
  private readonly state: BrokerState;
  private readonly events: BrokerEvents;
  private operatorMode: OperatorMode | undefined;
  private systemService: SystemService | undefined;
  private claimsRequests: ClaimsRequests | undefined;
  private closing: Promise<void> | undefined;
  private leaving: Promise<void> | undefined;
  private readonly closeNow = new AbortController();

  constructor(given: ResolvedBrokerOptions) {
    this.serverName = given.serverName ?? this.serverId;
    this.events = new BrokerEvents(() => this.options.logger);
    const logger = reportingLogger(given.logger, (failure) => this.events.emit("error", failure));
    const options = { ...given, logger };
    const registry = new ConnectionRegistry(options.maxConnections, options.maxClosedClients);
    this.context = {
      options,
      accounts: new Accounts(options, {
        clock: options.clock,
        serverName: this.serverName,
        findConnection: (id) => registry.get(id),
      }),
      authenticators: new Authenticators(options),
      registry,
      events: new ConnectionEvents(),
      outboxEnvironment: { ...options, pool: new BlockPool(), queue: new FlushQueue(options.clock) },
      info: () => this.info(),
    };
    this.state = new BrokerState(this.context);
    this.context.events.listen(this.events);
    const { hooks } = options;
    if (hooks?.authenticate !== undefined) {
      const decide = hooks.authenticate.bind(hooks);
      this.context.authenticators.operate(new HookAuthenticator(decide, () => this.options));
    }
  }

  async start(): Promise<void> {
    const { options } = this;
    const { logger } = options;
    logger.info(`  Version:  ${REPORTED_VERSION}`);
    logger.info(`  Name:     ${this.serverName}`);
    logger.info(`  ID:       ${this.serverId}`);
    if (isOperated(options)) {
      const { OperatorMode } = await import("./accounts/operator-mode.js");
      this.operatorMode = await OperatorMode.open(options, this.context.accounts);
      this.context.authenticators.operate(this.operatorMode.authenticator);
    }
    if (options.jetstream !== undefined) {
      logger.info("Starting JetStream");
      if (options.jetstream.storeDir) logger.info(`  Store Directory: "${options.jetstream.storeDir}"`);
      // Loaded on demand: a broker without streams starts in half the time.
      const { openBrokerJetStream } = await import("./jetstream/broker-jetstream.js");
      this.jetstream = await openBrokerJetStream(options, this.context.accounts);
      this.state.jetstream = this.jetstream.jetstream;
      if (this.operatorMode !== undefined) this.operatorMode.jetstream = this.jetstream;
    }
    await this.openSystemService();
    try {
      this.monitoring = await this.openMonitoring();
      this.websocket = await this.openWebSocket();
      this.tls = await this.openTls(options);
      this.listener = await TcpListener.open(options, (socket) => this.acceptSocket(socket));
    } catch (error) {
      this.systemService?.close();
      this.websocket?.close();
      this.monitoring?.close();
      await this.jetstream?.close();
      await this.operatorMode?.[Symbol.asyncDispose]();
      throw error;
    }
    if (options.jetstream?.storeDir !== undefined) writeAddressFile(options.jetstream.storeDir, this.url);
    logger.info(`Listening for client connections on ${options.host}:${this.port}`);
    if (this.tls !== undefined) logger.info("TLS required for client connections");
    this.state.isReady = true;
  }

  private async openSystemService(): Promise<void> {
    const { system } = this.context.accounts;
    if (system === undefined) return;
    this.systemService = new SystemService(this.state, system);
    if (this.operatorMode === undefined) return;
    const { ClaimsRequests } = await import("./system/claims-requests.js");
    const { bus, name: systemAccount } = system;
    const { envelope } = this.systemService;
    const { logger } = this.options;
    this.claimsRequests = new ClaimsRequests({
      bus,
      envelope,
      mode: this.operatorMode,
      systemAccount,
      logger,
    });
  }

  private async openMonitoring(): Promise<MonitoringServer | undefined> {
    const { httpPort, httpsPort } = this.options;
    if (!httpPort && !httpsPort) return undefined;
    const { MonitoringServer } = await import("./monitoring/monitoring-server.js");
    return await MonitoringServer.open(this.state);
  }

  private async openWebSocket(): Promise<WebSocketListener | undefined> {
    if (!this.options.websocket?.port) return undefined;
    const { WebSocketListener } = await import("./listeners/websocket.js");
    const listener = await WebSocketListener.open(this.options, {
      accept: (transport, peer) => this.accept(transport, peer),
      isGuarded: () => this.context.authenticators.of("WEBSOCKET").required,
    });
    this.state.addresses.websocket = listener.bound;
    return listener;
  }

  private get options(): ResolvedBrokerOptions {
    return this.context.options;
  }

  get host(): string {
    return this.options.host;
  }

  get port(): number {
    return this.listener?.port ?? this.options.port;
  }

  get url(): string {
    return `${this.tls === undefined ? "nats" : "tls"}://${authority(this)}`;
  }

  get monitoringUrl(): string | undefined {
    const { http, https } = this.state.addresses;
    if (https !== undefined) return `https://${authority(https)}`;
    return http && `http://${authority(http)}`;
  }

  get websocketUrl(): string | undefined {
    const { websocket } = this.state.addresses;
    return websocket && `${this.options.websocket?.tls ? "wss" : "ws"}://${authority(websocket)}`;
  }

  statistics(): BrokerStatistics {
    return this.context.registry.statistics();
  }

  on<Name extends BrokerEventName>(name: Name, listener: (event: BrokerEventMap[Name]) => void): () => void {
    return this.events.on(name, listener);
  }

  handle(transport: Duplex, peer = { host: "stream", port: 0 }): void {
    // Whoever gives a stream has encrypted it, or has no need to.
    const info =
      this.tls === undefined ? {} : { tls_required: false, tls_available: false, tls_verify: false };
    this.accept(transport, { ...peer, info });
  }

  connectInProcess(): Duplex {
    const [client, server] = inProcessPair();
    this.handle(server, { host: "pipe", port: 0 });
    return client;
  }

  async reload(options: BrokerOptions): Promise<void> {
    const { logger, clock, hooks } = this.options;
    const next = resolveBrokerOptions({ ...options, logger, clock, ...(hooks && { hooks }) });
    const { changes, refused } = planReload(this.options, next);
    if (refused.length > 0) {
      throw brokerError("RELOAD_REFUSED", `Cannot reload: ${refused.join("; ")}`, { details: { refused } });
    }
    // Certificates may be new although the paths are the old ones.
    const tls = await this.openTls(next);
    this.websocket?.renewCertificates();
    this.monitoring?.renewCertificates(next.tls);
    this.tls = tls;
    await takeOver(this.context, next, changes);
    await this.jetstream?.follow(next.accounts ?? []);
    await this.operatorMode?.reload();
    this.state.configuredUs = clock.nowUs();
    this.events.emit("reload", { changed: changes.map(({ name }) => name) });
  }

  private async openTls(options: ResolvedBrokerOptions): Promise<TlsUpgrade | undefined> {
    if (options.tls === undefined) return undefined;
    const { TlsUpgrade } = await import("./listeners/tls-upgrade.js");
    return new TlsUpgrade(options.tls, options);
  }

  lameDuck(): Promise<void> {
    this.leaving ??= this.leave();
    return this.leaving;
  }

  close(): Promise<void> {
    this.closeNow.abort();
    this.closing ??= this.shutDown();
    return this.closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private accept(transport: Duplex, peer: Peer): void {
    if (this.closing !== undefined) transport.destroy();
    else new Connection(this.context, transport, peer).open();
  }

  private acceptSocket(socket: Socket): void {
    const peer = { host: peerAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
    if (this.tls === undefined || this.closing !== undefined) this.accept(socket, peer);
    else void this.tls.open(new Connection(this.context, socket, peer), socket);
  }

  private async leave(): Promise<void> {
    this.events.emit("lameDuck", {});
    this.options.logger.info("Entering lame duck mode, stop accepting new clients");
    this.systemService?.lameDuck();
    this.listener?.close();
    this.websocket?.close();
    await leaveSlowly(this.context, this.closeNow.signal);
    await this.close();
  }

  private async shutDown(): Promise<void> {
    const storeDir = this.options.jetstream?.storeDir;
    if (storeDir !== undefined) removeAddressFile(storeDir);
    this.state.isReady = false;
    this.listener?.close();
    this.systemService?.close();
    this.websocket?.close();
    this.claimsRequests?.close();
    const connections = this.context.registry.all();
    const closed = connections.map(
      ({ transport }) => new Promise<void>((resolve) => transport.once("close", resolve)),
    );
    for (const connection of connections) connection.close(CLOSE_REASON.serverShutdown);
    await Promise.all(closed);
    await this.jetstream?.close();
    this.monitoring?.close();
    await this.operatorMode?.[Symbol.asyncDispose]();
  }

  private info(): ServerInfo {
    const { tls, allowNonTls = false } = this.options;
    const { clientAdvertise } = this.options;
    return {
      server_id: this.serverId,
      server_name: this.serverName,
      version: REPORTED_VERSION,
      proto: PROTOCOL_LEVEL,
      go: `node${process.versions.node}`,
      host: this.host,
      port: this.port,
      ...(clientAdvertise && advertisedAddress(clientAdvertise, this.port)),
      headers: true,
      api_lvl: API_LEVEL,
      max_payload: this.options.maxPayloadBytes,
      ...(this.options.jetstream === undefined ? {} : { jetstream: true }),
      ...(tls && (allowNonTls ? { tls_available: true } : { tls_required: true })),
      ...(tls?.verify && { tls_verify: true }),
      ...(this.leaving && { ldm: true }),
    };
  }
}

/** Host and port to connect to. An address for all interfaces cannot be connected to everywhere, the loopback address can. */
function authority({ host: given, port }: ListenerAddress): string {
  const host = given === "0.0.0.0" ? "127.0.0.1" : given === "::" ? "::1" : given;
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
