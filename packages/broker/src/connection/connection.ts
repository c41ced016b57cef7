import type { Duplex } from "node:stream";
import {
  ClientOperationParser,
  type ConnectOptions,
  DEFAULT_CONNECT_OPTIONS,
  encodeError,
  encodeInfo,
  OK,
  PING,
  type ServerInfo,
} from "@ganglion/protocol";
import type { Account } from "../accounts/account.js";
import type { AsyncAuthenticator, ConnectionLimits } from "../auth/async-authenticator.js";
import type { TlsPeer } from "../auth/certificate.js";
import type { Permissions } from "../auth/permissions.js";
import { Dispatch } from "../handlers/dispatch.js";
import { HookedPermissions, restrictsSubjects } from "../hooks/hooked-permissions.js";
import { Publisher } from "../routing/publisher.js";
import type { DeliveryObserver, Subscriber } from "../routing/subscriber.js";
import type { Subscription } from "../routing/subscription.js";
import { Admission, type Applicant } from "./admission.js";
import type { BrokerContext } from "./broker-context.js";
import { clientIdentity } from "./client-identity.js";
import { CLOSE_REASON, type CloseReason, reasonOfError } from "./close-reason.js";
import { DeliveryWatch } from "./delivery-watch.js";
import { ERROR_TEXT, type ErrorText } from "./error-texts.js";
import { Keepalive, type KeepaliveSettings } from "./keepalive.js";
import { Outbox } from "./outbox.js";
import { refuse } from "./refuse.js";
import { stall } from "./stall.js";

/** Time a closed connection has to read what was written last, before it is cut. */
const LINGER_MS = 250;

/** Time a connection stays that has as many subscriptions as it may have when that is found out. */
const AT_LIMIT_MS = 20;

/** Where a connection comes from. */
export interface Peer extends Partial<Applicant> {
  readonly host: string;
  readonly port: number;
  /** What carries the protocol. @default "nats" */
  readonly type?: "nats" | "websocket";
  /** What INFO says of the listener, where it is not the broker's main one. */
  readonly info?: Partial<ServerInfo>;
  /** The socket below the transport, when that is another stream. */
  readonly carrier?: Duplex;
  /** Fields that stand in for those CONNECT leaves empty. */
  readonly credentials?: Partial<ConnectOptions>;
  /** Of the listener, where it has times of its own. */
  readonly pingIntervalMs?: number;
  readonly authTimeoutMs?: number;
  /** Called with the reason before the connection is closed. */
  closing?(reason: CloseReason): void;
}

/** One client connection: its state, its subscriptions, its way in (parser) and out (outbox). */
export class Connection implements Subscriber {
  readonly id: number;
  readonly outbox: Outbox;
  readonly parser: ClientOperationParser;
  readonly keepalive: Keepalive;
  readonly admission: Admission;
  private readonly dispatch: Dispatch;
  /** What it may publish and subscribe to; undefined: everything. */
  permissions: Permissions | undefined;
  observer: DeliveryObserver | undefined;
  /** Subscriptions it may have; Infinity: any number. */
  maxSubscriptions: number;
  readonly subscriptions = new Map<string, Subscription>();
  /** What the client said in CONNECT; nats-server's defaults before. */
  options: ConnectOptions = DEFAULT_CONNECT_OPTIONS;
  isGreeted = false;
  connectReceived = false;
  firstPongSent = false;
  account: Account;
  publisher: Publisher;
  closeReason: CloseReason | undefined;
  inMessages = 0;
  inBytes = 0;
  outMessages = 0;
  outBytes = 0;
  /** How often it was made to wait because a receiver of its messages was slow. */
  stalls = 0;
  /** Wall clock at its start, microseconds since 1970. */
  readonly startedUs: number;
  /** For logs: `127.0.0.1:4711 - cid:5`. */
  label: string;
  traceOut: ((line: string) => void) | undefined;
  // Copies of options that every message needs.
  echo = DEFAULT_CONNECT_OPTIONS.echo;
  headers = DEFAULT_CONNECT_OPTIONS.headers;
  verbose = DEFAULT_CONNECT_OPTIONS.verbose;

  constructor(
    readonly context: BrokerContext,
    public transport: Duplex,
    readonly peer: Peer,
  ) {
    const { options, registry, accounts } = context;
    const { connectionType = peer.type === "websocket" ? "WEBSOCKET" : "STANDARD", tlsPeer } = peer;
    this.id = registry.nextId();
    this.startedUs = options.clock.nowUs();
    this.label = `${peer.host}:${peer.port} - cid:${this.id}`;
    this.account = accounts.global;
    this.account.connections.add(this);
    this.maxSubscriptions = options.maxSubscriptions || Number.POSITIVE_INFINITY;
    this.publisher = new Publisher({ clientId: this.id, accountName: this.account.name }, this);
    this.dispatch = new Dispatch(this);
    this.followTrace();
    this.outbox = new Outbox(transport, context.outboxEnvironment, (reason) => this.slow(reason));
    const authenticator = context.authenticators.of(connectionType);
    this.admission = new Admission(
      { connectionType, tlsPeer, host: peer.host },
      authenticator,
      options.clock,
    );
    this.parser = new ClientOperationParser(this.dispatch, {
      maxControlLineBytes: options.maxControlLineBytes,
      maxPayloadBytes: options.maxPayloadBytes,
      allowHeaders: false,
      connectOnly: authenticator.required,
    });
    this.keepalive = new Keepalive(keepaliveSettings(context, peer), {
      sendPing: () => this.send(PING, "PING"),
      stale: () => this.fail(ERROR_TEXT.staleConnection, CLOSE_REASON.staleConnection),
    });
  }

  /** Greets the client and starts to listen to it. */
  open(): void {
    this.greet();
    if (!this.isClosed) this.listen();
  }

  /** Sends INFO. The connection is closed when there are too many. */
  greet(): void {
    const { options, registry } = this.context;
    this.isGreeted = true;
    options.logger.debug(`${this.label} - Client connection created`);
    const { nonce } = this.admission;
    this.sendInfo(nonce === undefined ? {} : { nonce: Buffer.from(nonce).toString("latin1") });
    if (registry.isFull) {
      options.logger.error(`${this.label} - ${ERROR_TEXT.maxConnectionsExceeded}`);
      this.fail(ERROR_TEXT.maxConnectionsExceeded, CLOSE_REASON.maxConnectionsExceeded);
      return;
    }
    registry.add(this);
  }

  /** The connection goes on encrypted. @param tlsPeer - what the client's certificate says, if one was asked for. */
  encrypted(transport: Duplex, tlsPeer: TlsPeer | undefined): void {
    this.outbox.moveTo(transport);
    this.transport = transport;
    if (tlsPeer !== undefined) this.admission.tlsPeer = tlsPeer;
  }

  /** Starts to listen to the client. */
  listen(): void {
    if (this.authenticator.required) {
      this.admission.expectConnect(this.peer.authTimeoutMs ?? this.context.options.authTimeoutMs, () =>
        this.fail(ERROR_TEXT.authenticationTimeout, CLOSE_REASON.authenticationTimeout),
      );
    }
    this.transport.on("data", (chunk: Buffer) => this.receive(chunk));
    this.transport.on("end", () => this.close(CLOSE_REASON.clientClosed));
    this.transport.on("error", (error) => this.close(reasonOfError(error)));
    this.transport.on("close", () => this.close(CLOSE_REASON.clientClosed));
  }

  get isClosed(): boolean {
    return this.closeReason !== undefined;
  }

  /** Who decides whether it may come in. */
  get authenticator(): AsyncAuthenticator {
    return this.context.authenticators.of(this.admission.connectionType);
  }

  /** Reads nothing more for now. */
  hold(): void {
    this.parser.pause();
    this.transport.pause();
  }

  /** Reads on after {@link Connection.hold}. */
  proceed(): void {
    if (this.isClosed) return;
    this.transport.resume();
    const fault = this.parser.resume();
    if (fault !== undefined && !this.isClosed) refuse(this, fault);
  }

  /** Moves the connection, which has no subscriptions, to an account. */
  enter(account: Account, limits: ConnectionLimits = {}): void {
    if (account !== this.account) {
      this.account.connections.delete(this);
      this.account = account;
      account.connections.add(this);
      this.publisher = new Publisher({ clientId: this.id, accountName: account.name }, this);
    }
    this.limit(limits);
  }

  /** Takes over changed options of the broker. */
  followOptions(): void {
    this.parser.maxControlLineBytes = this.context.options.maxControlLineBytes;
    this.limit(this.admission.accepted?.limits);
    this.keepalive.restart();
    this.followTrace();
  }

  private followTrace(): void {
    const isTraced = this.context.options.traceLine !== undefined;
    this.traceOut = isTraced ? (line) => this.trace(`->> ${line}`) : undefined;
    this.permit(this.permissions);
  }

  /** The lowest limit holds. Source: nats-server client.go `applyAccountLimits`. */
  private limit(limits: ConnectionLimits = {}): void {
    const { options } = this.context;
    const all = [options, this.account.limits, limits];
    // For the broker 0 is no limit; an account or user with 0 may have none.
    const most = [options.maxSubscriptions || -1, ...all.slice(1).map((one) => one.maxSubscriptions ?? -1)];
    this.maxSubscriptions = lowest(most) ?? Number.POSITIVE_INFINITY;
    if (this.subscriptions.size >= this.maxSubscriptions) this.endAtLimit();
    const payloads = all.map(({ maxPayloadBytes }) => maxPayloadBytes ?? -1);
    this.parser.maxPayloadBytes = lowest(payloads) ?? options.maxPayloadBytes;
  }

  /** It has as many subscriptions as it may have, or more. Source: nats-server client.go `applyAccountLimits`. */
  private endAtLimit(): void {
    this.sendError(ERROR_TEXT.maxSubscriptionsExceeded);
    const end = () => this.close(CLOSE_REASON.maxSubscriptionsExceeded);
    this.context.options.clock.schedule(AT_LIMIT_MS, end);
  }

  /** Sets what it may publish and subscribe to from now on. */
  permit(given: Permissions | undefined): void {
    const permissions = this.withHooks(given);
    this.permissions = permissions;
    this.dispatch.forget();
    const isWatched = this.traceOut !== undefined || permissions?.grantsResponses === true;
    this.observer = isWatched ? new DeliveryWatch(this) : undefined;
  }

  /** The application's hooks have a say beside the permissions. */
  private withHooks(permissions: Permissions | undefined): Permissions | undefined {
    const { hooks, clock, logger } = this.context.options;
    if (hooks === undefined || !restrictsSubjects(hooks) || permissions instanceof HookedPermissions) {
      return permissions;
    }
    const client = { hooks, clock, logger, identity: () => clientIdentity(this) };
    return new HookedPermissions(permissions?.rules ?? {}, client);
  }

  /** Takes the connection out of its account, for another CONNECT. */
  leave(): void {
    this.dropSubscriptions();
    this.permit(undefined);
    this.enter(this.context.accounts.global);
  }

  logError(text: string): void {
    this.context.options.logger.error(`${this.label} - ${text}`);
  }

  /** @param extra - what only this INFO has. */
  sendInfo(extra: Partial<ServerInfo> = {}): void {
    const { required, hasDefaultUser } = this.authenticator;
    this.outbox.append(
      encodeInfo({
        ...this.context.info(),
        ...this.peer.info,
        client_id: this.id,
        client_ip: this.peer.host,
        ...(required && !hasDefaultUser ? { auth_required: true } : {}),
        max_payload: this.parser.maxPayloadBytes,
        ...this.peer.info,
        ...extra,
      }),
    );
  }

  /** Sends INFO again because something has changed, to a client that understands that. */
  announce(extra: Partial<ServerInfo> = {}): void {
    if (this.isClosed || !this.firstPongSent || this.options.protocol < 1) return;
    this.sendInfo(extra);
  }

  send(bytes: Uint8Array, operation: string): void {
    this.traceOut?.(`[${operation}]`);
    this.outbox.append(bytes);
  }

  sendOk(): void {
    this.send(OK, "OK");
  }

  sendError(text: ErrorText): void {
    this.send(encodeError(text), `-ERR ${text}`);
  }

  /** Tells the client why, and closes. */
  fail(text: ErrorText, reason: CloseReason): void {
    if (this.isClosed) return;
    this.sendError(text);
    this.close(reason);
  }

  trace(line: string): void {
    this.context.options.traceLine?.(`${this.label} - ${line}`);
  }

  countOut(sizeBytes: number): void {
    this.outMessages++;
    this.outBytes += sizeBytes;
  }

  expire(subscription: Subscription): void {
    if (this.subscriptions.get(subscription.sid) === subscription)
      this.subscriptions.delete(subscription.sid);
    this.account.router.remove(subscription);
    this.traceOut?.(`[DELSUB ${subscription.sid}]`);
  }

  dropSubscriptions(): void {
    for (const subscription of this.subscriptions.values()) this.account.router.remove(subscription);
    this.subscriptions.clear();
  }

  /** Ends the connection. What is in the outbox is still written, unless the connection is broken. */
  close(reason: CloseReason): void {
    if (this.isClosed) return;
    this.closeReason = reason;
    const { options, registry } = this.context;
    options.logger.debug(`${this.label} - Client connection closed: ${reason}`);
    this.parser.stop();
    this.admission.stop();
    this.keepalive.stop();
    registry.remove(this, reason);
    this.dropSubscriptions();
    this.account.connections.delete(this);
    this.context.events.left(this, reason);
    this.peer.closing?.(reason);
    const isBroken = BROKEN.has(reason);
    this.outbox.close({ discard: isBroken });
    if (isBroken) this.transport.destroy();
    else this.linger();
  }

  /** Closes the writing side and gives the peer a moment to read, so that unread input does not reset the connection. */
  private linger(): void {
    const { transport } = this;
    transport.on("error", () => {}); // whatever happens now happens to a closed connection
    transport.end();
    transport.resume();
    // It keeps the process alive: a stream that is no socket does not, and whoever closes the broker waits for this.
    const timer = setTimeout(() => transport.destroy(), LINGER_MS);
    transport.once("close", () => clearTimeout(timer));
  }

  private receive(chunk: Buffer): void {
    if (this.isClosed) return;
    const messagesBefore = this.inMessages;
    const fault = this.parser.feed(chunk);
    if (this.inMessages !== messagesBefore) this.keepalive.active();
    if (fault !== undefined && !this.isClosed) refuse(this, fault);
    const congestion = this.publisher.congestedBy;
    if (congestion === undefined) return;
    this.publisher.congestedBy = undefined;
    this.stalls++;
    stall(this.transport, congestion, this.context.options.clock);
  }

  private slow(reason: CloseReason): void {
    if (this.isClosed) return;
    this.context.options.logger.info(`${this.label} - Slow Consumer Detected: ${reason}`);
    this.close(reason);
  }
}

/** The lowest limit; undefined when there is none. */
function lowest(limits: readonly number[]): number | undefined {
  const set = limits.filter((limit) => limit >= 0);
  return set.length === 0 ? undefined : Math.min(...set);
}

/** Reasons after which nothing more can or should be written. */
const BROKEN: ReadonlySet<CloseReason> = new Set([
  CLOSE_REASON.readError,
  CLOSE_REASON.writeError,
  CLOSE_REASON.slowConsumerPendingBytes,
  CLOSE_REASON.slowConsumerWriteDeadline,
]);

/** Of the broker, or with the ping interval that is the listener's own. */
function keepaliveSettings(context: BrokerContext, { pingIntervalMs }: Peer): () => KeepaliveSettings {
  if (pingIntervalMs === undefined) return () => context.options;
  const own = { ...context.options, pingIntervalMs };
  return () => own;
}
