import {
  API_PREFIX,
  getHeader,
  JETSTREAM_HEADERS,
  type JetStreamErrorName,
  RESPONSE_TYPE_PREFIX,
  STATUS,
  type Status,
  ZERO_TIMESTAMP,
} from "@ganglion/protocol";
import { API_LEVEL } from "../../version.js";
import type { JetStreamAccount } from "../account.js";
import type { MessageOrigin, RoutedMessage } from "../account-bus.js";
import { statusMessage } from "../consumer/delivery-target.js";
import { apiErrorOf, apiFault } from "./api-fault.js";
import {
  createConsumer,
  deleteConsumer,
  getConsumerInfo,
  listConsumerNames,
  listConsumers,
  pauseConsumer,
  resetConsumer,
  unpinConsumer,
} from "./consumer-requests.js";
import { directGet } from "./direct-get.js";
import { accountInfo } from "./info.js";
import { deleteMessage, getMessage } from "./message-requests.js";
import { NO_PAGE } from "./paging.js";
import type { ApiRequest, ResponseBody } from "./request.js";
import { restoreStream, snapshotStream } from "./snapshot-requests.js";
import {
  createStream,
  deleteStream,
  getStreamInfo,
  listStreamNames,
  listStreams,
  purgeStream,
  updateStream,
} from "./stream-requests.js";
import { isApiLevelThere } from "./version-metadata.js";

/** How requests with one verb are handled. */
interface Route {
  /** Tokens between `$JS.API.` and the arguments. */
  readonly verb: string;
  /** How many argument tokens there are; `max` may be infinite. */
  readonly args: readonly [min: number, max: number];
  /** Response type, without prefix and `_response`. */
  readonly type: string;
  handle(request: ApiRequest): ResponseBody | Promise<ResponseBody>;
  /** Error for what is thrown without being one of the API. */
  readonly fallback: JetStreamErrorName;
  /** Fields a response has even when it carries an error. */
  readonly whenFailed?: ResponseBody;
  /** It acts at once, and then only waits until that is durable: the next request need not wait with it. */
  readonly overlaps?: true;
}

/** A verb that only means something in a cluster, or is not supported: always answered with `error`. */
function refused(verb: string, type: string, error: JetStreamErrorName): Route {
  const argCount = verb.startsWith("CONSUMER.") ? 2 : 1;
  const handle = () => {
    throw apiFault(error, { err: "not supported by this server" });
  };
  return { verb, args: [argCount, argCount], type, fallback: error, handle };
}

const ROUTES: readonly Route[] = [
  {
    verb: "STREAM.CREATE",
    args: [1, 1],
    type: "stream_create",
    fallback: "StreamCreate",
    handle: createStream,
  },
  {
    verb: "STREAM.UPDATE",
    args: [1, 1],
    type: "stream_update",
    fallback: "StreamUpdate",
    handle: updateStream,
  },
  {
    verb: "STREAM.NAMES",
    args: [0, 0],
    type: "stream_names",
    fallback: "StreamGeneral",
    handle: listStreamNames,
    whenFailed: { ...NO_PAGE, streams: null },
  },
  {
    verb: "STREAM.LIST",
    args: [0, 0],
    type: "stream_list",
    fallback: "StreamGeneral",
    handle: listStreams,
    whenFailed: { ...NO_PAGE, streams: [] },
  },
  {
    verb: "STREAM.INFO",
    args: [1, 1],
    type: "stream_info",
    fallback: "StreamGeneral",
    handle: getStreamInfo,
    whenFailed: NO_PAGE,
  },
  {
    verb: "STREAM.DELETE",
    args: [1, 1],
    type: "stream_delete",
    fallback: "StreamDelete",
    handle: deleteStream,
  },
  {
    verb: "STREAM.PURGE",
    args: [1, 1],
    type: "stream_purge",
    fallback: "StreamPurgeFailed",
    handle: purgeStream,
    whenFailed: { purged: 0 },
  },
  {
    verb: "STREAM.MSG.GET",
    overlaps: true,
    args: [1, 1],
    type: "stream_msg_get",
    fallback: "StreamGeneral",
    handle: getMessage,
  },
  {
    verb: "STREAM.MSG.DELETE",
    overlaps: true,
    args: [1, 1],
    type: "stream_msg_delete",
    fallback: "StreamMsgDeleteFailed",
    handle: deleteMessage,
  },
  {
    verb: "CONSUMER.CREATE",
    args: [1, Number.POSITIVE_INFINITY],
    type: "consumer_create",
    fallback: "ConsumerCreate",
    handle: (request) => createConsumer(request, request.args.length === 1 ? "plain" : "named"),
  },
  {
    verb: "CONSUMER.DURABLE.CREATE",
    args: [2, 2],
    type: "consumer_create",
    fallback: "ConsumerCreate",
    handle: (request) => createConsumer(request, "durable"),
  },
  {
    verb: "CONSUMER.NAMES",
    args: [1, 1],
    type: "consumer_names",
    fallback: "StreamGeneral",
    handle: listConsumerNames,
    whenFailed: { ...NO_PAGE, consumers: [] },
  },
  {
    verb: "CONSUMER.LIST",
    args: [1, 1],
    type: "consumer_list",
    fallback: "StreamGeneral",
    handle: listConsumers,
    whenFailed: { ...NO_PAGE, consumers: [] },
  },
  {
    verb: "CONSUMER.INFO",
    args: [2, 2],
    type: "consumer_info",
    fallback: "StreamGeneral",
    handle: getConsumerInfo,
  },
  {
    verb: "CONSUMER.DELETE",
    args: [2, 2],
    type: "consumer_delete",
    fallback: "StreamGeneral",
    handle: deleteConsumer,
  },
  {
    verb: "CONSUMER.PAUSE",
    args: [2, 2],
    type: "consumer_pause",
    fallback: "ConsumerStoreFailed",
    handle: pauseConsumer,
    whenFailed: { paused: false, pause_until: ZERO_TIMESTAMP },
  },
  {
    verb: "CONSUMER.UNPIN",
    args: [2, 2],
    type: "consumer_unpin",
    fallback: "StreamGeneral",
    handle: unpinConsumer,
  },
  {
    verb: "CONSUMER.RESET",
    args: [2, 2],
    type: "consumer_reset",
    fallback: "StreamGeneral",
    handle: resetConsumer,
    whenFailed: { reset_seq: 0 },
  },
  {
    verb: "STREAM.SNAPSHOT",
    args: [1, 1],
    type: "stream_snapshot",
    fallback: "StreamSnapshot",
    handle: snapshotStream,
  },
  {
    verb: "STREAM.RESTORE",
    args: [1, 1],
    type: "stream_restore",
    fallback: "StreamRestore",
    handle: restoreStream,
    whenFailed: { deliver_subject: "" },
  },
  refused("STREAM.PEER.REMOVE", "stream_remove_peer", "ClusterRequired"),
  refused("STREAM.LEADER.STEPDOWN", "stream_leader_stepdown", "ClusterRequired"),
  refused("CONSUMER.LEADER.STEPDOWN", "consumer_leader_stepdown", "ClusterRequired"),
];

const ROUTE_BY_VERB: ReadonlyMap<string, Route> = new Map(ROUTES.map((route) => [route.verb, route]));
const MAX_VERB_TOKENS = 3;

/** Answers everything that is no verb. */
const UNKNOWN: Route = {
  verb: "",
  args: [0, 0],
  type: "system",
  fallback: "BadRequest",
  handle: () => {
    throw apiFault("BadRequest");
  },
};

/** Requests that only the system account of a cluster may make: not answered. */
const OPERATOR_VERBS: ReadonlySet<string> = new Set(["META", "SERVER", "ACCOUNT"]);

/** A request as it came, for its answer and those who watch. */
interface Exchange {
  readonly subject: string;
  readonly payload: string;
  readonly reply: string;
  readonly origin: MessageOrigin | undefined;
}

/** Takes requests below `$JS.API.` and answers them, those of one account in their order. */
export class ApiRouter {
  private readonly infoRoute: Route = {
    verb: "INFO",
    args: [0, 0],
    type: "account_info",
    fallback: "StreamGeneral",
    handle: () => accountInfo(this.account, { level: API_LEVEL, ...this.account.apiUse }),
  };

  constructor(private readonly account: JetStreamAccount) {}

  /** Takes a message below `prefix`, which is `$JS.API.` or that of a domain. */
  take(message: RoutedMessage, prefix = API_PREFIX): void {
    const tokens = message.subject.slice(prefix.length).split(".");
    const { reply = "", data, headerSizeBytes } = message;
    const payload = Buffer.from(
      data.buffer,
      data.byteOffset + headerSizeBytes,
      data.length - headerSizeBytes,
    ).toString();
    const level =
      headerSizeBytes === 0
        ? undefined
        : getHeader(data, JETSTREAM_HEADERS.requiredApiLevel, headerSizeBytes);
    const isLevelMissing = level !== undefined && level !== "" && !isApiLevelThere(level);
    const [first, second, third] = tokens;
    if (first === "CONSUMER" && second === "MSG" && third === "NEXT") {
      this.next(tokens.slice(3), isLevelMissing ? undefined : payload, reply);
    } else if (first === "DIRECT" && second === "GET" && tokens.length > 2) {
      if (isLevelMissing) this.refuse(reply, STATUS.requiredApiLevel);
      else if (reply !== "") directGet({ account: this.account, args: tokens.slice(2), payload, reply });
    } else if (!OPERATOR_VERBS.has(first ?? "")) {
      const route = this.findRoute(tokens) ?? UNKNOWN;
      const { subject, origin } = message;
      const exchange = { subject, payload, reply, origin };
      this.account.tasks.add(() => {
        if (isLevelMissing) return this.fail(exchange, route, apiFault("RequiredApiLevel"));
        const args = tokens.slice(route.verb.split(".").length);
        const answered = this.answer(route, { account: this.account, args, payload }, exchange);
        return route.overlaps ? undefined : answered;
      });
    }
  }

  private refuse(reply: string, status: Status): void {
    if (reply !== "") this.account.bus.publish(statusMessage(reply, status));
  }

  private next(
    [streamName = "", consumerName = "", ...rest]: readonly string[],
    payload: string | undefined,
    reply: string,
  ): void {
    if (reply === "") return;
    const consumer = this.account.findStream(streamName)?.consumers.get(consumerName);
    if (consumer === undefined || rest.length > 0) this.refuse(reply, STATUS.noResponders);
    else if (payload === undefined) this.refuse(reply, STATUS.requiredApiLevel);
    else consumer.pull(reply, payload);
  }

  private answer(route: Route, request: ApiRequest, exchange: Exchange): undefined | Promise<void> {
    try {
      const body = route.handle(request);
      if (body instanceof Promise) {
        return body.then(
          (resolved) => this.succeed(exchange, route, resolved),
          (error: unknown) => this.fail(exchange, route, error),
        );
      }
      this.succeed(exchange, route, body);
    } catch (error) {
      this.fail(exchange, route, error);
    }
    return undefined;
  }

  private findRoute(tokens: readonly string[]): Route | undefined {
    if (tokens.length === 1 && tokens[0] === this.infoRoute.verb) return this.infoRoute;
    return findVerb(tokens);
  }

  private succeed(exchange: Exchange, route: Route, body: ResponseBody): void {
    this.account.apiUse.total++;
    this.respond(exchange, { type: responseType(route), ...body });
  }

  private fail(exchange: Exchange, route: Route, error: unknown): void {
    this.account.apiUse.total++;
    this.account.apiUse.errors++;
    const body = { type: responseType(route), error: apiErrorOf(error, route.fallback), ...route.whenFailed };
    this.respond(exchange, body);
  }

  private respond({ subject, payload, reply, origin }: Exchange, body: object): void {
    const response = JSON.stringify(body);
    const { bus, advisories } = this.account;
    if (reply !== "") bus.publish({ subject: reply, headerSizeBytes: 0, data: Buffer.from(response) });
    advisories.advise("API", "api_audit", {
      server: this.account.serverName,
      client: origin === undefined ? {} : { id: origin.clientId, acc: origin.accountName },
      subject,
      ...(payload === "" ? {} : { request: payload }),
      response,
    });
  }
}

function findVerb(tokens: readonly string[]): Route | undefined {
  for (let count = Math.min(MAX_VERB_TOKENS, tokens.length); count > 0; count--) {
    const route = ROUTE_BY_VERB.get(tokens.slice(0, count).join("."));
    const argCount = tokens.length - count;
    if (route !== undefined && argCount >= route.args[0] && argCount <= route.args[1]) return route;
  }
  return undefined;
}

/**
 * The answer to a request of an account that has no JetStream.
 *
 * @returns undefined when there is none.
 */
export function notEnabledResponse(subject: string): object | undefined {
  const tokens = subject.slice(API_PREFIX.length).split(".");
  const error = apiErrorOf(apiFault("NotEnabledForAccount"), "NotEnabledForAccount");
  if (tokens.join() === "INFO") return { type: `${RESPONSE_TYPE_PREFIX}account_info_response`, error };
  const route = findVerb(tokens);
  return route && { type: responseType(route), error, ...route.whenFailed };
}

function responseType({ type }: Route): string {
  return `${RESPONSE_TYPE_PREFIX}${type}_response`;
}
