import { decodeText, isLiteralSubjectBytes, type PublishedFrame } from "@ganglion/protocol";
import type { Permissions } from "../auth/permissions.js";
import type { Connection } from "../connection/connection.js";
import { ERROR_TEXT } from "../connection/error-texts.js";
import { deliver } from "../routing/deliver.js";
import type { Route } from "../routing/route.js";
import { tracePublish } from "./trace.js";

/** What the answer to a request that reached nobody holds behind its subject and sid. Source: nats-server client.go `processInboundClientMsg`. */
const NO_RESPONDERS = Buffer.from("16 16\r\nNATS/1.0 503\r\n\r\n\r\n");

/** Handles PUB and HPUB of one connection. It remembers the last route, since most publishers stay with a subject. */
export class PublishHandler {
  private lastRoute: Route | undefined;
  /** A route whose subject the connection may always publish to, with these permissions. */
  private allowedRoute: Route | undefined;
  private allowedBy: Permissions | undefined;
  /** The last route, when nothing but delivering was to be done: the same holds for messages with the same line. */
  private plainRoute: Route | undefined;
  private plainBy: Permissions | undefined;

  constructor(private readonly connection: Connection) {}

  /** Forgets what it knows: the connection gets another account or other permissions. */
  reset(): void {
    this.lastRoute = undefined;
    this.allowedRoute = undefined;
    this.plainRoute = undefined;
  }

  handle(frame: PublishedFrame): void {
    const { connection } = this;
    connection.inMessages++;
    connection.inBytes += frame.dataEnd - frame.dataStart;
    const known = this.plainRoute;
    const isPlain = frame.isRepeated && known !== undefined && !known.stale;
    if (isPlain && connection.permissions === this.plainBy) this.send(known, frame);
    else this.check(frame);
  }

  private check(frame: PublishedFrame): void {
    const { connection } = this;
    const { bytes, subjectStart, subjectEnd } = frame;
    this.plainRoute = undefined;
    if (connection.traceOut !== undefined) tracePublish(connection, frame);
    if (connection.options.pedantic && !isLiteralSubjectBytes(bytes, subjectStart, subjectEnd)) {
      connection.sendError(ERROR_TEXT.invalidPublishSubject);
    }
    if (this.isOfGateways(frame)) return;
    let route = this.lastRoute;
    if (route === undefined || route.stale || !route.isOf(bytes, subjectStart, subjectEnd)) {
      route = this.findRoute(frame);
    }
    if (connection.permissions !== undefined && !this.mayPublish(route)) return;
    const hasReply = frame.replyEnd > frame.replyStart;
    if (hasReply && this.isReserved(frame)) return;
    if (connection.verbose) connection.sendOk();
    else if (this.isPlain(route)) {
      this.plainRoute = route;
      this.plainBy = connection.permissions;
    }
    this.send(route, frame);
  }

  private isPlain(route: Route): boolean {
    const { traceOut, options, permissions } = this.connection;
    const mayAlways = permissions === undefined || route === this.allowedRoute;
    return traceOut === undefined && !options.pedantic && mayAlways && route === this.lastRoute;
  }

  private send(route: Route, frame: PublishedFrame): void {
    const { connection } = this;
    const count = route.isEmpty ? 0 : deliver(route, frame, connection.publisher);
    const hasReply = frame.replyEnd > frame.replyStart;
    if (count === 0 && hasReply && connection.options.no_responders) this.answerNoResponders(frame);
  }

  private findRoute({ bytes, subjectStart, subjectEnd }: PublishedFrame): Route {
    const { account } = this.connection;
    if (account.mappings === undefined) {
      this.lastRoute = account.router.find(bytes, subjectStart, subjectEnd);
      return this.lastRoute;
    }
    // Permissions are for the subject that comes out. Source: nats-server parser.go `parse`, at `hasMappings`.
    this.lastRoute = undefined;
    return account.router.findText(account.mapped(decodeText(bytes, subjectStart, subjectEnd)));
  }

  /** Source: nats-server client.go `processInboundClientMsg`, `pubPermissionViolation`. */
  private mayPublish(route: Route): boolean {
    const { connection } = this;
    const { permissions } = connection;
    // Permissions may be replaced while the connection is open.
    if (route === this.allowedRoute && permissions === this.allowedBy) return true;
    const { subject } = route;
    if (permissions?.mayAlwaysPublish(subject)) {
      this.allowedRoute = route;
      this.allowedBy = permissions;
      return true;
    }
    if (permissions?.mayPublish(subject)) return true;
    connection.sendError(`Permissions Violation for Publish to "${subject}"`);
    connection.logError(`Publish Violation - Subject "${subject}"`);
    return false;
  }

  /** Subjects below `_GR_.` belong to gateways. Source: nats-server client.go `processInboundClientMsg`. */
  private isOfGateways({ bytes, subjectStart, subjectEnd }: PublishedFrame): boolean {
    if (bytes[subjectStart] !== UNDERSCORE || subjectEnd - subjectStart <= GATEWAY_PREFIX.length)
      return false;
    if (!startsWith(bytes, subjectStart, GATEWAY_PREFIX)) return false;
    const subject = decodeText(bytes, subjectStart, subjectEnd);
    this.connection.sendError(`Permissions Violation for Publish to "${subject}"`);
    return true;
  }

  /** Replies under these prefixes belong to the broker. Source: nats-server client.go `isReservedReply`. */
  private isReserved({ bytes, replyStart, replyEnd }: PublishedFrame): boolean {
    const sizeBytes = replyEnd - replyStart;
    const isReserved = RESERVED_REPLIES.some(
      ({ prefix, least }) => sizeBytes >= least && startsWith(bytes, replyStart, prefix),
    );
    if (!isReserved) return false;
    const reply = decodeText(bytes, replyStart, replyEnd);
    this.connection.sendError(`Permissions Violation for Publish with Reply of "${reply}"`);
    return true;
  }

  /** Sends status 503 to the connection's own subscription for the reply, if it has one. */
  private answerNoResponders({ bytes, replyStart, replyEnd }: PublishedFrame): void {
    const { connection } = this;
    const { targets } = connection.account.router.find(bytes, replyStart, replyEnd);
    const own = targets.find((target) => target.subscription.subscriber === connection);
    if (own === undefined || own.subscription.closed) return;
    connection.outbox.append(Buffer.concat([own.headerPrefix(undefined), NO_RESPONDERS]));
  }
}

const UNDERSCORE = 0x5f;
const GATEWAY_PREFIX = Buffer.from("_GR_.");
/** Reserved prefixes, and how long a reply at least is that they reserve. */
const RESERVED_REPLIES = [
  { prefix: Buffer.from("_R_."), least: 4 },
  { prefix: Buffer.from("$JS.ACK."), least: 9 },
  { prefix: GATEWAY_PREFIX, least: 6 },
];

function startsWith(bytes: Uint8Array, start: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) {
    if (bytes[start + i] !== prefix[i]) return false;
  }
  return true;
}
