import type { Timer } from "@ganglion/kernel";
import type { Account } from "../accounts/account.js";
import type { CloseReason } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import type { AccountBus, RoutedMessage } from "../jetstream/account-bus.js";
import type { BrokerView } from "../monitoring/broker-view.js";
import { countSubscribers } from "./count-subscribers.js";
import { connectEvent, connectionsEvent, disconnectEvent } from "./event-documents.js";
import { ServerEnvelope } from "./server-envelope.js";
import { encodeAnswer, readRequest, type SystemRequest } from "./system-request.js";

/** Source: nats-server events.go `eventsHBInterval`, `statsHBInterval`, `startStatszTimer`. */
const CONNECTIONS_INTERVAL_MS = 30_000;
const STATSZ_INTERVAL_MS = 10_000;
const FIRST_STATSZ_MS = 250;

/** Requests that every broker answers, to its id or to PING. */
const SERVER_REQUESTS = [
  ...["IDZ", "STATSZ", "VARZ", "SUBSZ", "CONNZ", "ROUTEZ", "GATEWAYZ", "LEAFZ", "ACCOUNTZ", "JSZ", "HEALTHZ"],
  ...["IPQUEUESZ", "RAFTZ"],
];
const OWN_REQUESTS = ["KICK", "LDM"];
const ACCOUNT_REQUESTS = ["SUBSZ", "CONNZ", "LEAFZ", "JSZ", "INFO", "STATZ"];

/**
 * The system account: it tells what happens to connections and how the broker is doing, and answers requests.
 *
 * Source: nats-server events.go `initEventTracking`, `registerSystemImports`.
 */
export class SystemService {
  readonly envelope: ServerEnvelope;
  private readonly bus: AccountBus;
  private readonly ends: (() => void)[] = [];
  private readonly heartbeats = new Map<Account, Timer>();
  private statszTimer: Timer | undefined;

  /** @param account - the system account. */
  constructor(
    private readonly view: BrokerView,
    account: Account,
  ) {
    const { context } = view;
    this.envelope = new ServerEnvelope(context);
    this.bus = account.bus;
    this.subscribe();
    this.ends.push(
      context.accounts.whenCreated((each) => {
        if (each !== account) this.serve(each);
      }),
      context.events.listen({
        entered: (connection) => this.entered(connection),
        refused: (connection, reason) => this.refused(connection, reason),
        left: (connection, reason) => this.left(connection, reason),
      }),
    );
    this.scheduleStatsz(FIRST_STATSZ_MS);
  }

  /** Tells that the broker is about to close its connections. */
  lameDuck(): void {
    this.publish(`$SYS.SERVER.${this.id}.LAMEDUCK`, (server) => server);
  }

  /** Tells that the broker stops, and tells nothing more. */
  close(): void {
    this.publish(`$SYS.SERVER.${this.id}.SHUTDOWN`, (server) => server);
    for (const end of this.ends.splice(0)) end();
    this.statszTimer?.cancel();
    for (const timer of this.heartbeats.values()) timer.cancel();
    this.heartbeats.clear();
  }

  private get id(): string {
    return this.view.context.info().server_id;
  }

  private subscribe(): void {
    const answer = (message: RoutedMessage) => this.take(message, this.bus);
    const subjects = [
      "$SYS.REQ.SERVER.PING",
      "$SYS.REQ.USER.INFO",
      "$SYS.REQ.ACCOUNT.PING.STATZ",
      ...SERVER_REQUESTS.flatMap((name) => [
        `$SYS.REQ.SERVER.${this.id}.${name}`,
        `$SYS.REQ.SERVER.PING.${name}`,
      ]),
      ...OWN_REQUESTS.map((name) => `$SYS.REQ.SERVER.${this.id}.${name}`),
      ...ACCOUNT_REQUESTS.map((name) => `$SYS.REQ.ACCOUNT.*.${name}`),
    ];
    for (const subject of subjects) this.ends.push(this.bus.subscribe(subject, answer));
    this.ends.push(
      this.bus.subscribe("$SYS.REQ.ACCOUNT.*.CONNS", (message) => this.answerConnections(message)),
      this.bus.subscribe("$SYS.REQ.ACCOUNT.NSUBS", (message) => this.countSubscribers(message)),
      this.bus.subscribe("$SYS.DEBUG.SUBSCRIBERS", (message) => this.countOwnSubscribers(message)),
    );
  }

  /** What every account may ask about itself. */
  private serve({ name, bus }: Account): void {
    const own: Readonly<Record<string, string>> = {
      "$SYS.REQ.ACCOUNT.PING.CONNZ": `$SYS.REQ.ACCOUNT.${name}.CONNZ`,
      "$SYS.REQ.SERVER.PING.CONNZ": `$SYS.REQ.ACCOUNT.${name}.CONNZ`,
      "$SYS.REQ.ACCOUNT.PING.STATZ": `$SYS.REQ.ACCOUNT.${name}.STATZ`,
      "$SYS.REQ.USER.INFO": "$SYS.REQ.USER.INFO",
    };
    for (const [subject, asked] of Object.entries(own)) {
      this.ends.push(bus.subscribe(subject, (message) => this.take({ ...message, subject: asked }, bus)));
    }
  }

  private take(message: RoutedMessage, bus: AccountBus): void {
    const request = readRequest(message);
    if (request !== undefined) void this.answer(request, bus);
  }

  private async answer(request: SystemRequest, bus: AccountBus): Promise<void> {
    const { view, envelope } = this;
    // Loaded on demand: most brokers are never asked.
    const { answerRequest } = await import("./request-answers.js");
    try {
      const document = answerRequest(request, { view, envelope });
      if (document === undefined) return;
      bus.publish({ subject: request.reply, ...encodeAnswer(document, request.acceptedEncoding) });
    } catch (error) {
      view.context.options.logger.error(`No answer to ${request.subject}: ${String(error)}`);
    }
  }

  private answerConnections({ subject, reply }: RoutedMessage): void {
    const account = this.view.context.accounts.get(subject.split(".")[3] ?? "");
    if (account === undefined || reply === undefined || account.connections.size === 0) return;
    this.tellConnections(account, [reply]);
  }

  /** Source: nats-server events.go `nsubsRequest`. */
  private countSubscribers({ data, headerSizeBytes, reply }: RoutedMessage): void {
    if (reply === undefined) return;
    try {
      const text = Buffer.from(data.subarray(headerSizeBytes)).toString("utf8");
      const { acc, subject } = JSON.parse(text) as { acc?: unknown; subject?: unknown };
      const account = this.view.context.accounts.get(String(acc));
      if (account !== undefined) this.send(reply, countSubscribers(account.router, String(subject)));
    } catch {
      // nats-server does not answer what it cannot read.
    }
  }

  private countOwnSubscribers({ data, headerSizeBytes, reply }: RoutedMessage): void {
    const [subject = ""] = Buffer.from(data.subarray(headerSizeBytes)).toString("utf8").trim().split(" ");
    const { system } = this.view.context.accounts;
    if (reply !== undefined && system !== undefined)
      this.send(reply, countSubscribers(system.router, subject));
  }

  private entered(connection: Connection): void {
    const { account } = connection;
    this.connectionsChanged(account);
    this.publish(`$SYS.ACCOUNT.${account.name}.CONNECT`, (server) => connectEvent(connection, server));
  }

  private refused(connection: Connection, reason: CloseReason): void {
    this.publish(`$SYS.SERVER.${this.id}.CLIENT.AUTH.ERR`, (server) =>
      disconnectEvent(connection, reason, server),
    );
  }

  private left(connection: Connection, reason: CloseReason): void {
    // Who never came in does not go.
    if (connection.admission.accepted === undefined) return;
    const { account } = connection;
    this.connectionsChanged(account);
    this.publish(`$SYS.ACCOUNT.${account.name}.DISCONNECT`, (server) =>
      disconnectEvent(connection, reason, server),
    );
  }

  /** Tells how many connections an account has, now and every while. */
  private connectionsChanged(account: Account): void {
    const { accounts, options } = this.view.context;
    if (account === accounts.global) return;
    const { name } = account;
    this.tellConnections(account, [`$SYS.SERVER.ACCOUNT.${name}.CONNS`, `$SYS.ACCOUNT.${name}.SERVER.CONNS`]);
    this.heartbeats.get(account)?.cancel();
    if (account.connections.size === 0) this.heartbeats.delete(account);
    else {
      const again = () => this.connectionsChanged(account);
      this.heartbeats.set(account, options.clock.schedule(CONNECTIONS_INTERVAL_MS, again));
    }
  }

  private tellConnections(account: Account, subjects: readonly string[]): void {
    const nowUs = this.view.context.options.clock.nowUs();
    for (const subject of subjects) {
      this.publish(subject, (server) => connectionsEvent(account, nowUs, server));
    }
  }

  /** The first ones come quickly. */
  private scheduleStatsz(delayMs: number): void {
    this.statszTimer = this.view.context.options.clock.schedule(delayMs, () => {
      this.tellStatsz();
      this.scheduleStatsz(Math.min(delayMs * 2, STATSZ_INTERVAL_MS));
    });
  }

  private tellStatsz(): void {
    const reply = `$SYS.SERVER.${this.id}.STATSZ`;
    if (!this.bus.hasInterest(reply)) return;
    const subject = "$SYS.REQ.SERVER.PING";
    void this.answer({ subject, reply, clientId: undefined, payload: "", acceptedEncoding: "" }, this.bus);
  }

  /** Publishes an event when somebody listens for it. */
  private publish(subject: string, document: (server: unknown) => unknown): void {
    if (this.bus.hasInterest(subject)) this.send(subject, document(this.envelope.next()));
  }

  private send(subject: string, document: unknown): void {
    this.bus.publish({ subject, headerSizeBytes: 0, data: Buffer.from(JSON.stringify(document)) });
  }
}
