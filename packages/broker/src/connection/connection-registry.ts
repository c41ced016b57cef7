import type { Connection } from "./connection.js";

/** Counters of a broker since its start. */
export interface BrokerStatistics {
  connections: number;
  totalConnections: number;
  slowConsumers: number;
  inMessages: number;
  inBytes: number;
  outMessages: number;
  outBytes: number;
}

/** The open connections of a broker. */
export class ConnectionRegistry {
  private readonly open = new Map<number, Connection>();
  private lastId = 0;
  private total = 0;
  slowConsumers = 0;
  /** Traffic of connections that are closed. */
  private readonly past = { inMessages: 0, inBytes: 0, outMessages: 0, outBytes: 0 };

  constructor(private readonly maxConnections: number) {}

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

  remove(connection: Connection): void {
    if (!this.open.delete(connection.id)) return;
    this.past.inMessages += connection.inMessages;
    this.past.inBytes += connection.inBytes;
    this.past.outMessages += connection.outMessages;
    this.past.outBytes += connection.outBytes;
  }

  all(): readonly Connection[] {
    return [...this.open.values()];
  }

  statistics(): BrokerStatistics {
    const sum = { ...this.past };
    for (const connection of this.open.values()) {
      sum.inMessages += connection.inMessages;
      sum.inBytes += connection.inBytes;
      sum.outMessages += connection.outMessages;
      sum.outBytes += connection.outBytes;
    }
    const { slowConsumers, total: totalConnections } = this;
    return { connections: this.open.size, totalConnections, slowConsumers, ...sum };
  }
}
