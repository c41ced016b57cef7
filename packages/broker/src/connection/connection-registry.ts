import type { CloseReason } from "./close-reason.js";
import { CLOSE_REASON } from "./close-reason.js";
import { ClosedConnections } from "./closed-connections.js";
import type { Connection } from "./connection.js";
import { connectionFacts, subscriptionFacts } from "./connection-facts.js";
import { addTraffic, noTraffic, type Traffic } from "./traffic.js";

/** Closed connections that are remembered. Source: nats-server const.go `DEFAULT_MAX_CLOSED_CLIENTS`. */
const DEFAULT_MAX_CLOSED_CONNECTIONS = 10_000;
/** Subscriptions that are remembered of one closed connection. */
const MAX_CLOSED_SUBSCRIPTIONS = 1024;

/** Counters of a broker since its start. */
export interface BrokerStatistics extends Traffic {
  connections: number;
  totalConnections: number;
  slowConsumers: number;
  staleConnections: number;
  /** Times a producer was made to wait for a slow receiver. */
  stalls: number;
}

/** The open connections of a broker, and those that were closed last. */
export class ConnectionRegistry {
  readonly closed: ClosedConnections;
  private readonly open = new Map<number, Connection>();
  private lastId = 0;
  private total = 0;
  private slowConsumers = 0;
  private staleConnections = 0;
  /** Traffic of connections that are closed. */
  private readonly past = noTraffic();
  private pastStalls = 0;

  constructor(
    public maxConnections: number,
    maxClosedConnections = DEFAULT_MAX_CLOSED_CONNECTIONS,
  ) {
    this.closed = new ClosedConnections(maxClosedConnections);
  }

  nextId(): number {
    return ++this.lastId;
  }

  get isFull(): boolean {
    return this.open.size >= this.maxConnections;
  }

  add(connection: Connection): void {
    this.open.set(connection.id, connection);
    this.total++;
  }

  /** Takes a connection out that still has its subscriptions. */
  remove(connection: Connection, reason: CloseReason): void {
    this.closed.add({
      facts: connectionFacts(connection),
      subscriptions: subscriptionFacts(connection, MAX_CLOSED_SUBSCRIPTIONS),
      stoppedUs: connection.context.options.clock.nowUs(),
      reason,
    });
    if (!this.open.delete(connection.id)) return;
    const { account } = connection;
    addTraffic(this.past, connection);
    this.pastStalls += connection.stalls;
    addTraffic(account.past, connection);
    if (SLOW.has(reason)) {
      this.slowConsumers++;
      account.slowConsumers++;
    }
    if (reason === CLOSE_REASON.staleConnection) this.staleConnections++;
  }

  get(id: number): Connection | undefined {
    return this.open.get(id);
  }

  all(): readonly Connection[] {
    return [...this.open.values()];
  }

  statistics(): BrokerStatistics {
    const sum = { ...this.past };
    let stalls = this.pastStalls;
    for (const connection of this.open.values()) {
      addTraffic(sum, connection);
      stalls += connection.stalls;
    }
    const { slowConsumers, staleConnections, total: totalConnections } = this;
    return { connections: this.open.size, totalConnections, slowConsumers, staleConnections, stalls, ...sum };
  }
}

const SLOW: ReadonlySet<CloseReason> = new Set([
  CLOSE_REASON.slowConsumerPendingBytes,
  CLOSE_REASON.slowConsumerWriteDeadline,
]);
