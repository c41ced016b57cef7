import { CLOSE_REASON } from "../connection/close-reason.js";
import type { JsonObject } from "../json-object.js";
import { accountStatz } from "../monitoring/account-statz.js";
import { accountDetail, accountz } from "../monitoring/accountz.js";
import type { BrokerView } from "../monitoring/broker-view.js";
import { type ConnzOptions, connz } from "../monitoring/connz.js";
import { isConnzSort } from "../monitoring/connz-sort.js";
import { healthz } from "../monitoring/healthz.js";
import { type JszOptions, jsz } from "../monitoring/jsz.js";
import { gatewayz, ipqueuesz, leafz, routez } from "../monitoring/peerings.js";
import { badRequest } from "../monitoring/query.js";
import { subsz } from "../monitoring/subsz.js";
import { varz } from "../monitoring/varz.js";

/** Answers a request; its result is `data` of the answer. @throws GanglionError `INVALID_MONITORING_REQUEST`. */
type Answerer = (view: BrokerView, options: JsonObject) => unknown;

/** What `$SYS.REQ.SERVER.<id>.<name>` and `$SYS.REQ.SERVER.PING.<name>` answer. Source: nats-server events.go `initEventTracking`. */
export const SERVER_REQUESTS: Readonly<Record<string, Answerer>> = {
  VARZ: varz,
  SUBSZ: (view, options) => subsz(view, subscriptionOptions(options)),
  CONNZ: (view, options) => connz(view, connectionOptions(options)),
  ROUTEZ: routez,
  GATEWAYZ: gatewayz,
  LEAFZ: leafz,
  ACCOUNTZ: (view, options) => accountz(view, options.text("account")),
  JSZ: (view, options) => jsz(view, jetStreamOptions(options)),
  HEALTHZ: (view, options) => healthz(view, healthOptions(options)).body,
  IPQUEUESZ: ipqueuesz,
  RAFTZ: () => ({}),
};

/** What only one broker answers: `$SYS.REQ.SERVER.<id>.<name>`. */
export const OWN_REQUESTS: Readonly<Record<string, Answerer>> = {
  /** Ends a connection. Source: nats-server events.go `kickClient`. */
  KICK: ({ context }, options) => {
    const connection = context.registry.get(options.integer("cid"));
    if (connection === undefined) throw badRequest("no such client or leafnode id");
    connection.close(CLOSE_REASON.kicked);
  },
  /** Asks a client to go elsewhere. Source: nats-server events.go `ldmClient`. */
  LDM: ({ context }, options) => {
    const connection = context.registry.get(options.integer("cid"));
    if (connection === undefined) throw badRequest("client with id does not exist");
    connection.sendInfo({ ldm: true });
  },
};

/** What `$SYS.REQ.ACCOUNT.<account>.<name>` answers. */
export const ACCOUNT_REQUESTS: Readonly<
  Record<string, (view: BrokerView, options: JsonObject, account: string) => unknown>
> = {
  SUBSZ: (view, options, account) =>
    subsz(view, { ...subscriptionOptions(options), subscriptions: true, account }),
  CONNZ: (view, options, account) => connz(view, { ...connectionOptions(options), account }),
  LEAFZ: leafz,
  JSZ: accountJetStream,
  INFO: (view, _, account) => accountDetail(view, account),
  STATZ: (view, options, account) =>
    // The broadcast to all accounts is another request.
    account === "PING" ? undefined : accountStatistics(view, [account], options.flag("include_unused")),
};

/** What `$SYS.REQ.ACCOUNT.PING.STATZ` answers. */
export function allAccountStatistics(view: BrokerView, options: JsonObject): unknown {
  return accountStatistics(view, options.texts("accounts"), options.flag("include_unused"));
}

/** Nothing is said about accounts that nobody uses, unless that is asked for. */
function accountStatistics(view: BrokerView, accounts: readonly string[], unused: boolean) {
  const answer = accountStatz(view, { accounts, unused });
  return answer.account_statz.length > 0 || unused ? answer : undefined;
}

function subscriptionOptions(options: JsonObject) {
  return {
    offset: options.integer("offset"),
    limit: options.integer("limit"),
    subscriptions: options.flag("subscriptions"),
    account: options.text("account"),
    test: options.text("test"),
  };
}

const STATES = ["open", "closed", "all"] as const;

function connectionOptions(options: JsonObject): ConnzOptions {
  const sort = options.text("sort") || undefined;
  if (sort !== undefined && !isConnzSort(sort)) throw badRequest(`invalid sorting option: ${sort}`);
  const details = options.flag("subscriptions_detail");
  return {
    sort,
    auth: options.flag("auth"),
    subscriptions: details ? "details" : options.flag("subscriptions") ? "subjects" : "none",
    offset: options.integer("offset"),
    limit: options.integer("limit"),
    cid: options.integer("cid"),
    state: STATES[options.integer("state")] ?? "open",
    user: options.text("user"),
    account: options.text("acc"),
    filterSubject: options.text("filter_subject"),
  };
}

function jetStreamOptions(options: JsonObject): JszOptions {
  return {
    account: options.text("account"),
    accounts: options.flag("accounts"),
    streams: options.flag("streams"),
    consumers: options.flag("consumer"),
    config: options.flag("config"),
    offset: options.integer("offset"),
    limit: options.integer("limit"),
  };
}

/** JetStream of one account, without the head of the broker. Source: nats-server monitor.go `JszAccount`. */
function accountJetStream(view: BrokerView, options: JsonObject, account: string): unknown {
  if (view.jetstream === undefined) throw badRequest("jetstream not enabled");
  if (view.context.accounts.get(account) === undefined) throw badRequest(`account not found`);
  const answer = jsz(view, { ...jetStreamOptions(options), account });
  const [details] = ("account_details" in answer ? answer.account_details : undefined) ?? [];
  if (details === undefined) throw badRequest("jetstream not enabled for account");
  return details;
}

function healthOptions(options: JsonObject) {
  return {
    jsEnabledOnly:
      options.flag("js-enabled") || options.flag("js-enabled-only") || options.flag("js-meta-only"),
    jsServerOnly: options.flag("js-server-only"),
    account: options.text("account"),
    stream: options.text("stream"),
    consumer: options.text("consumer"),
    details: options.flag("details"),
  };
}
