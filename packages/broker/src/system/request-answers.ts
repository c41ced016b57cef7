import { isGanglionError } from "@ganglion/kernel";
import type { JsonObject } from "../json-object.js";
import type { BrokerView } from "../monitoring/broker-view.js";
import { isForBroker } from "./request-filter.js";
import type { ServerEnvelope } from "./server-envelope.js";
import { ACCOUNT_REQUESTS, allAccountStatistics, OWN_REQUESTS, SERVER_REQUESTS } from "./server-requests.js";
import { statsz } from "./statsz.js";
import { requestOptions, type SystemRequest } from "./system-request.js";
import { userInfo } from "./user-info.js";

/** What {@link answerRequest} goes by. */
export interface RequestWorld {
  readonly view: BrokerView;
  readonly envelope: ServerEnvelope;
}

const BAD_REQUEST = 400;
const FAILED = 500;

/** Names of requests to the broker. */
const SERVER_REQUEST = /^\$SYS\.REQ\.SERVER\.[^.]+\.([A-Z]+)$/;
const ACCOUNT_REQUEST = /^\$SYS\.REQ\.ACCOUNT\.([^.]+)\.([A-Z]+)$/;

/**
 * Answers a request to the system account.
 *
 * @returns the document of the answer; undefined when the request is not for this broker, or has no answer.
 * Source: nats-server events.go `zReq`, `statszReq`, `idzReq`, `userInfoReq`.
 */
export function answerRequest(request: SystemRequest, world: RequestWorld): unknown {
  const { view, envelope } = world;
  try {
    const options = requestOptions(request.payload);
    return isForBroker(options, view) ? answer(request, options, world) : undefined;
  } catch (error) {
    if (!isGanglionError(error, "INVALID_MONITORING_REQUEST")) throw error;
    const code = error.details.isMalformed === true ? BAD_REQUEST : FAILED;
    return { server: envelope.next(), error: { code, description: error.message } };
  }
}

function answer(request: SystemRequest, options: JsonObject, { view, envelope }: RequestWorld): unknown {
  const { subject } = request;
  const [, name = "PING"] = SERVER_REQUEST.exec(subject) ?? [];
  if (subject === "$SYS.REQ.SERVER.PING" || name === "STATSZ") {
    return { server: envelope.next(), statsz: statsz(view) };
  }
  if (name === "IDZ") return identity(view);
  const data = dataOf(request, options, view);
  // An order has an answer without data.
  if (data === undefined && !(name in OWN_REQUESTS)) return undefined;
  return { server: envelope.next(), ...(data !== undefined && { data }) };
}

function dataOf({ subject, clientId }: SystemRequest, options: JsonObject, view: BrokerView): unknown {
  if (subject === "$SYS.REQ.USER.INFO") {
    const connection = view.context.registry.get(clientId ?? -1);
    return connection && userInfo(connection);
  }
  if (subject === "$SYS.REQ.ACCOUNT.PING.STATZ") return allAccountStatistics(view, options);
  const [, account = "", accountRequest = ""] = ACCOUNT_REQUEST.exec(subject) ?? [];
  if (accountRequest !== "") return ACCOUNT_REQUESTS[accountRequest]?.(view, options, account);
  const [, name = ""] = SERVER_REQUEST.exec(subject) ?? [];
  return (SERVER_REQUESTS[name] ?? OWN_REQUESTS[name])?.(view, options);
}

function identity({ context }: BrokerView) {
  const { server_name, host, server_id } = context.info();
  return { name: server_name, host, id: server_id };
}
