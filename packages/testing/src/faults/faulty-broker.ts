import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type Clock, type NatsEndpoint, systemClock } from "@ganglion/kernel";
import { type Fault, FaultRules, type FaultTarget } from "./fault-rules.js";
import { FaultyLink } from "./faulty-link.js";

/** Which consumer's acknowledgements get lost. */
export interface LostAck extends Pick<FaultTarget, "connection" | "skip" | "times"> {
  readonly stream: string;
  /** @default any */
  readonly consumer?: string;
}

/**
 * A broker behind a proxy that does what networks do, when a test says so and not at random. Connect to its `url`;
 * connections to the broker's own address are not touched. TLS and WebSocket cannot be looked into.
 */
export interface FaultyBroker extends NatsEndpoint {
  readonly url: string;
  /** Messages get lost. */
  drop(target: FaultTarget): Fault;
  /** Messages are late by `delayMs`, and with them everything behind them on their connection in that direction. */
  delay(target: FaultTarget, delayMs: number): Fault;
  /** Connections are cut when a message comes along; the message is lost. */
  cutAt(target: FaultTarget): Fault;
  /** Cuts the connections that are open now, or that of one name. @returns how many. */
  cut(connection?: string): number;
  /** Acknowledgements of a consumer's messages get lost: they are delivered again. */
  loseAck(ack: LostAck): Fault;
  /** A stream stores what is published, and its acknowledgement gets lost: the publisher does not know. */
  losePubAck(target: Pick<FaultTarget, "subject" | "connection" | "skip" | "times">): Fault;
  /** Ends all faults. */
  clear(): void;
}

/** What {@link faultyBroker} takes. */
export interface FaultyBrokerOptions {
  /** Where a delay gets its time from. @default the system clock */
  readonly clock?: Clock;
}

/**
 * Puts a proxy before a broker.
 *
 * @param url - of the broker, such as `nats://127.0.0.1:4222`. It must be there when clients connect.
 * @example
 * await using broker = await startTestBroker();
 * await using faulty = await faultyBroker(broker.url);
 * faulty.losePubAck({ subject: "orders.placed" });
 * const connection = await connect({ servers: faulty.url });
 */
export async function faultyBroker(url: string, options: FaultyBrokerOptions = {}): Promise<FaultyBroker> {
  const server = createServer({ noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new FaultProxy(server, url, options.clock ?? systemClock);
}

class FaultProxy implements FaultyBroker {
  readonly url: string;
  private readonly rules = new FaultRules();
  private readonly links = new Set<FaultyLink>();

  constructor(
    private readonly server: Server,
    private readonly target: string,
    private readonly clock: Clock,
  ) {
    this.url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
    server.on("connection", (client: Socket) => this.accept(client));
  }

  get servers(): readonly string[] {
    return [this.url];
  }

  drop(target: FaultTarget): Fault {
    return this.rules.add(target, { kind: "drop" });
  }

  delay(target: FaultTarget, delayMs: number): Fault {
    return this.rules.add(target, { kind: "delay", delayMs });
  }

  cutAt(target: FaultTarget): Fault {
    return this.rules.add(target, { kind: "cut" });
  }

  cut(connection?: string): number {
    const hit = [...this.links].filter((link) => connection === undefined || link.name === connection);
    for (const link of hit) link.cut();
    return hit.length;
  }

  loseAck({ stream, consumer = "*", ...rest }: LostAck): Fault {
    return this.rules.add({ ...rest, subject: `$JS.ACK.${stream}.${consumer}.>` }, { kind: "drop" });
  }

  losePubAck(target: Pick<FaultTarget, "subject" | "connection" | "skip" | "times">): Fault {
    return this.rules.addPubAck(target);
  }

  clear(): void {
    this.rules.clear();
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, "close");
    this.server.close();
    this.cut();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private accept(client: Socket): void {
    const { hostname, port } = new URL(this.target);
    const broker = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), noDelay: true });
    const link = new FaultyLink({ client, broker }, this.rules, this.clock);
    this.links.add(link);
    client.once("close", () => this.links.delete(link));
  }
}
