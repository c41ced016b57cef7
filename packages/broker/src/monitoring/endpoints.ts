import { accountStatz } from "./account-statz.js";
import { accountz } from "./accountz.js";
import type { BrokerView } from "./broker-view.js";
import { connz } from "./connz.js";
import { isConnzSort } from "./connz-sort.js";
import { healthz } from "./healthz.js";
import { jsz } from "./jsz.js";
import { metrics } from "./metrics.js";
import { gatewayz, ipqueuesz, leafz, routez } from "./peerings.js";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "./prometheus-text.js";
import { badRequest, type MonitoringQuery } from "./query.js";
import { subsz } from "./subsz.js";
import { varz } from "./varz.js";

/** The answer to a request. */
export interface MonitoringAnswer {
  /** @default 200 */
  readonly statusCode?: number;
  readonly contentType: string;
  readonly text: string;
}

type Endpoint = (view: BrokerView, query: MonitoringQuery) => MonitoringAnswer;

export const JSON_CONTENT_TYPE = "application/json";

function json(answer: (view: BrokerView, query: MonitoringQuery) => unknown): Endpoint {
  return (view, query) => ({
    contentType: JSON_CONTENT_TYPE,
    text: JSON.stringify(answer(view, query), null, 2),
  });
}

const subscriptions = json((view, query) =>
  subsz(view, {
    subscriptions: query.flag("subs"),
    offset: query.integer("offset"),
    limit: query.integer("limit"),
    test: query.text("test"),
    account: query.text("acc"),
  }),
);

/** What is answered at which path. Source: nats-server server.go `startMonitoring`. */
export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "/varz": json(varz),
  "/connz": json(connections),
  "/routez": json((view, query) => checked(query, routez(view))),
  "/gatewayz": json((view, query) => checked(query, gatewayz(view))),
  "/leafz": json((view, query) => checked(query, leafz(view))),
  "/subsz": subscriptions,
  "/subscriptionsz": subscriptions,
  "/accountz": json((view, query) => accountz(view, query.text("acc"))),
  "/accstatz": json((view, query) => accountStatz(view, { unused: query.flag("unused") })),
  "/jsz": json(jetStream),
  "/ipqueuesz": json(ipqueuesz),
  "/raftz": () => ({ statusCode: 404, contentType: "text/plain", text: "No Raft nodes registered" }),
  "/healthz": health,
  "/metrics": (view) => ({ contentType: PROMETHEUS_CONTENT_TYPE, text: prometheusText(metrics(view)) }),
};

/** `subs` is understood, though there is nothing whose subscriptions it could show. */
function checked<T>(query: MonitoringQuery, answer: T): T {
  query.subscriptions();
  return answer;
}

function connections(view: BrokerView, query: MonitoringQuery) {
  const sort = query.text("sort") || undefined;
  const auth = query.flag("auth");
  const subscriptions = query.subscriptions();
  const offset = query.integer("offset");
  const limit = query.integer("limit");
  const cid = query.count("cid");
  const state = connectionState(query.text("state"));
  if (sort !== undefined && !isConnzSort(sort)) throw badRequest(`invalid sorting option: ${sort}`);
  const filter = { user: query.text("user"), account: query.text("acc"), cid, state };
  return connz(view, { sort, auth, subscriptions, offset, limit, ...filter });
}

function connectionState(text: string): "open" | "closed" | "all" {
  const state = text.toLowerCase();
  if (state === "" || state === "open") return "open";
  if (state === "closed") return "closed";
  if (state === "any" || state === "all") return "all";
  throw badRequest(`Error decoding state for ${text}`);
}

function jetStream(view: BrokerView, query: MonitoringQuery) {
  const flags = {
    accounts: query.flag("accounts"),
    streams: query.flag("streams"),
    consumers: query.flag("consumers"),
    config: query.flag("config"),
  };
  // Read for their syntax: a single node leads everything and has no Raft groups.
  for (const name of ["leader-only", "stream-leader-only", "raft"]) query.flag(name);
  const page = { offset: query.integer("offset"), limit: query.integer("limit") };
  return jsz(view, { account: query.text("acc"), ...flags, ...page });
}

function health(view: BrokerView, query: MonitoringQuery): MonitoringAnswer {
  const isEnabledOnly = query.flag("js-enabled") || query.flag("js-enabled-only");
  const { statusCode, body } = healthz(view, {
    jsEnabledOnly: isEnabledOnly || query.flag("js-meta-only"),
    jsServerOnly: query.flag("js-server-only"),
    account: query.text("account"),
    stream: query.text("stream"),
    consumer: query.text("consumer"),
    details: query.flag("details"),
  });
  return { statusCode, contentType: JSON_CONTENT_TYPE, text: JSON.stringify(body) };
}
