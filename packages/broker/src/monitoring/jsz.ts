import type { JetStreamAccount } from "../jetstream/account.js";
import { consumerInfo, streamInfo } from "../jetstream/api/info.js";
import type { Stream } from "../jetstream/stream/stream.js";
import { API_LEVEL } from "../version.js";
import type { BrokerView } from "./broker-view.js";
import { accountStatistics, jetStreamConfig, jetStreamStatistics } from "./jetstream-use.js";
import { unlessEmpty } from "./monitoring-format.js";
import { answerHead } from "./peerings.js";

const DEFAULT_LIMIT = 1024;

/** What /jsz can be asked. Source: nats-server monitor.go `JSzOptions`. */
export interface JszOptions {
  /** Details of this account only. */
  readonly account?: string;
  readonly accounts?: boolean;
  /** Implies `accounts`. */
  readonly streams?: boolean;
  /** Implies `streams`. */
  readonly consumers?: boolean;
  readonly config?: boolean;
  readonly offset?: number;
  /** Accounts; 0: 1024. */
  readonly limit?: number;
}

/** /jsz: JetStream. A single node leads everything, so questions for leaders change nothing. Source: nats-server monitor.go `Jsz`. */
export function jsz(view: BrokerView, options: JszOptions = {}) {
  const head = answerHead(view);
  const statistics = jetStreamStatistics(view);
  if (view.jetstream === undefined || statistics === undefined) return { ...head, ...OFF };
  const accounts = [...view.jetstream.accounts()];
  const streams = accounts.flatMap((account) => [...account.streams]);
  const states = streams.map(({ store }) => store.messages.state());
  return {
    ...head,
    config: jetStreamConfig(view),
    limits: {},
    ...statistics,
    streams: streams.length,
    consumers: accounts.reduce((sum, { consumers }) => sum + consumers.size, 0),
    messages: states.reduce((sum, { messages }) => sum + messages, 0),
    bytes: states.reduce((sum, { bytes }) => sum + bytes, 0),
    account_details: unlessEmpty(
      selected(accounts, options).map((account) => accountDetail(view, account, options)),
    ),
    total: accounts.length,
  };
}

/** What nats-server answers without JetStream. */
const OFF = {
  disabled: true,
  memory: 0,
  storage: 0,
  reserved_memory: 0,
  reserved_storage: 0,
  accounts: 0,
  ha_assets: 0,
  api: { level: API_LEVEL, total: 0, errors: 0 },
  config: { max_memory: 0, max_storage: 0 },
  streams: 0,
  consumers: 0,
  messages: 0,
  bytes: 0,
  total: 0,
};

function selected(accounts: readonly JetStreamAccount[], options: JszOptions): readonly JetStreamAccount[] {
  const one = accounts.find(({ bus }) => bus.accountName === options.account);
  if (one !== undefined) return [one];
  const wantsDetails = options.streams || options.consumers;
  if (!options.accounts && !(wantsDetails && !options.account)) return [];
  const offset = Math.max(0, options.offset ?? 0);
  const limit = options.limit && options.limit > 0 ? options.limit : DEFAULT_LIMIT;
  const byName = [...accounts].sort((a, b) => (a.bus.accountName < b.bus.accountName ? -1 : 1));
  return byName.slice(offset, offset + limit);
}

/** Source: nats-server monitor.go `AccountDetail`. */
function accountDetail(view: BrokerView, account: JetStreamAccount, options: JszOptions) {
  const name = account.bus.accountName;
  const wantsStreams = options.streams || options.consumers;
  const details = wantsStreams
    ? [...account.streams].map((stream) => ({
        ...streamDetail(account, stream, options),
        cluster: { leader: view.context.info().server_name },
      }))
    : [];
  return { name, id: name, ...accountStatistics(account), stream_detail: unlessEmpty(details) };
}

/** Source: nats-server monitor.go `StreamDetail`. */
function streamDetail(account: JetStreamAccount, stream: Stream, options: JszOptions) {
  const { config, created, state, mirror, sources } = streamInfo(account, stream);
  const consumers = options.consumers ? stream.consumers.consumers : [];
  const details = consumers.map((consumer) => {
    const { config: consumerConfig, ...info } = consumerInfo(account, stream, consumer);
    return options.config ? { ...info, config: consumerConfig } : info;
  });
  return {
    name: stream.name,
    created,
    config: options.config ? config : undefined,
    state,
    consumer_detail: unlessEmpty(details),
    mirror,
    sources,
  };
}
