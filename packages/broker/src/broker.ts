import { isIPv6 } from "node:net";
import type { Duplex } from "node:stream";
import { PROTOCOL_LEVEL, type ServerInfo } from "@ganglion/protocol";
import { Accounts } from "./accounts/accounts.js";
import { removeAddressFile, writeAddressFile } from "./address-file.js";
import { Authenticators } from "./auth/authenticators.js";
import { BlockPool } from "./connection/block-pool.js";
import type { BrokerContext } from "./connection/broker-context.js";
import { CLOSE_REASON } from "./connection/close-reason.js";
import { Connection, type Peer } from "./connection/connection.js";
import { type BrokerStatistics, ConnectionRegistry } from "./connection/connection-registry.js";
import { FlushQueue } from "./connection/flush-queue.js";
import type { BrokerJetStream } from "./jetstream/broker-jetstream.js";
import { inProcessPair } from "./listeners/in-process.js";
import { TcpListener } from "./listeners/tcp.js";
import { type BrokerOptions, type ResolvedBrokerOptions, resolveBrokerOptions } from "./options.js";
import { createServerId } from "./server-id.js";
import { REPORTED_VERSION } from "./version.js";

/** A running broker. */
export interface Broker extends AsyncDisposable {
  /** Address for clients, such as `nats://127.0.0.1:4222`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly serverId: string;
  readonly serverName: string;
  statistics(): BrokerStatistics;
  /** Opens a client connection inside the process, without a socket. The stream speaks the NATS protocol. */
  connectInProcess(): Duplex;
  /** Stops: closes the listener, the connections and JetStream. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a broker in this process.
 *
 * @throws GanglionError `INVALID_BROKER_OPTIONS`, `LISTEN_FAILED`.
 * @example
 * await using broker = await startBroker();
 * const nc = await connect({ servers: broker.url });
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const broker = new RunningBroker(resolveBrokerOptions(options));
  await broker.start();
  return broker;
}

class RunningBroker implements Broker {
  readonly serverId = createServerId();
  readonly serverName: string;
  private readonly context: BrokerContext;
  private listener: TcpListener | undefined;
  private jetstream: BrokerJetStream | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: ResolvedBrokerOptions) {
    this.serverName = options.serverName ?? this.serverId;
    this.context = {
      options,
      accounts: new Accounts(options),
      authenticators: new Authenticators(options),
      registry: new ConnectionRegistry(options.maxConnections),
      outboxEnvironment: { ...options, pool: new BlockPool(), queue: new FlushQueue(options.clock) },
      info: () => this.info(),
    };
  }

  async start(): Promise<void> {
    const { options } = this;
    const { logger } = options;
    logger.info(`  Version:  ${REPORTED_VERSION}`);
    logger.info(`  Name:     ${this.serverName}`);
    logger.info(`  ID:       ${this.serverId}`);
    if (options.jetstream !== undefined) {
      logger.info("Starting JetStream");
      if (options.jetstream.storeDir) logger.info(`  Store Directory: "${options.jetstream.storeDir}"`);
      // Loaded on demand: a broker without streams starts in half the time.
      const { openBrokerJetStream } = await import("./jetstream/broker-jetstream.js");
      this.jetstream = await openBrokerJetStream(options, this.context.accounts.global.bus);
    }
    try {
      this.listener = await TcpListener.open(options, (socket) => {
        this.accept(socket, { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
      });
    } catch (error) {
      await this.jetstream?.close();
      throw error;
    }
    if (options.jetstream?.storeDir !== undefined) writeAddressFile(options.jetstream.storeDir, this.url);
    logger.info(`Listening for client connections on ${options.host}:${this.port}`);
  }

  get host(): string {
    return this.options.host;
  }

  get port(): number {
    return this.listener?.port ?? this.options.port;
  }

  get url(): string {
    // An address for all interfaces cannot be connected to everywhere, the loopback address can.
    const host = this.host === "0.0.0.0" ? "127.0.0.1" : this.host === "::" ? "::1" : this.host;
    return `nats://${isIPv6(host) ? `[${host}]` : host}:${this.port}`;
  }

  statistics(): BrokerStatistics {
    return this.context.registry.statistics();
  }

  connectInProcess(): Duplex {
    const [client, server] = inProcessPair();
    this.accept(server, { host: "pipe", port: 0 });
    return client;
  }

  close(): Promise<void> {
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

  private async shutDown(): Promise<void> {
    const storeDir = this.options.jetstream?.storeDir;
    if (storeDir !== undefined) removeAddressFile(storeDir);
    this.listener?.close();
    const connections = this.context.registry.all();
    const closed = connections.map(
      ({ transport }) => new Promise<void>((resolve) => transport.once("close", resolve)),
    );
    for (const connection of connections) connection.close(CLOSE_REASON.serverShutdown);
    await Promise.all(closed);
    await this.jetstream?.close();
  }

  private info(): ServerInfo {
    return {
      server_id: this.serverId,
      server_name: this.serverName,
      version: REPORTED_VERSION,
      proto: PROTOCOL_LEVEL,
      go: `node${process.versions.node}`,
      host: this.host,
      port: this.port,
      headers: true,
      max_payload: this.options.maxPayloadBytes,
      ...(this.options.jetstream === undefined ? {} : { jetstream: true }),
    };
  }
}
