import { DEFAULT_MAX_PAYLOAD_BYTES, DEFAULT_MAX_PENDING_BYTES, isValidSubject } from "@ganglion/protocol";
import { GLOBAL_ACCOUNT } from "../accounts/account.js";
import { isNkey } from "../auth/nkey.js";
import { identityOf } from "../auth/user.js";
import { checkAccountLinks } from "./blocks/account-links.js";
import type { LeafRemoteConfig } from "./blocks/leafnodes.js";
import type { CompressionConfig } from "./blocks/peering.js";
import type { Position } from "./document.js";
import type { BrokerConfig } from "./schema.js";

/** Source: nats-server const.go `DEFAULT_SYSTEM_ACCOUNT`. */
const SYSTEM_ACCOUNT = "$SYS";
/** Source: nats-server const.go `DEFAULT_LAME_DUCK_…`. */
export const DEFAULT_LAME_DUCK_DURATION_MS = 120_000;
export const DEFAULT_LAME_DUCK_GRACE_PERIOD_MS = 10_000;

/** Headers the upgrade response sets itself. Source: nats-server websocket.go `validateWebsocketOptions`. */
const RESERVED_HEADER = /^(?:host|content-length|connection|upgrade|nats-no-masking|sec-websocket-.*)$/i;

type Check = (config: BrokerConfig) => readonly (string | false | undefined)[];

/**
 * Tells which options of a configuration do not fit together. Ask once flags have been put over the file: alone it
 * may be a part only, which is why nats-server, too, asks when it starts and not for `-t`.
 *
 * @returns a sentence for each conflict.
 * Source: nats-server server.go `validateOptions`.
 */
export function configConflicts(config: BrokerConfig): readonly string[] {
  return CHECKS.flatMap((check) => check(config)).filter((conflict) => typeof conflict === "string");
}

const limits: Check = ({ lameDuckDurationMs, lameDuckGracePeriodMs, maxPayloadBytes, maxPendingBytes }) => {
  const duration = lameDuckDurationMs ?? DEFAULT_LAME_DUCK_DURATION_MS;
  const grace = lameDuckGracePeriodMs ?? DEFAULT_LAME_DUCK_GRACE_PERIOD_MS;
  const payload = maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES;
  const pending = maxPendingBytes ?? DEFAULT_MAX_PENDING_BYTES;
  return [
    grace >= duration &&
      `lame_duck_grace_period (${grace} ms) must be less than lame_duck_duration (${duration} ms)`,
    payload > pending && `max_payload (${payload}) must not be more than max_pending (${pending})`,
  ];
};

/** Source: nats-server server.go `StartMonitoring`. */
const monitoring: Check = ({ httpPort, httpsPort, tls }) => [
  Boolean(httpPort) && Boolean(httpsPort) && "http_port and https_port exclude each other",
  Boolean(httpsPort) && tls === undefined && "https_port needs tls",
];

const users: Check = (config) => {
  const { noAuthUser, operators, systemAccount, accounts = [] } = config;
  const isOperated = operators !== undefined;
  const knownAccounts = accountNames(config);
  const known = new Set(allUsers(config).map(identityOf));
  const isMissing = noAuthUser !== undefined && !known.has(noAuthUser);
  return [
    isOperated && noAuthUser !== undefined && "no_auth_user and operators exclude each other",
    !isOperated && isMissing && `no_auth_user "${noAuthUser}" is not a user of authorization or accounts`,
    isOperated && accounts.length > 0 && "operators and accounts exclude each other",
    isOperated && known.size > 0 && "operators and users exclude each other",
    isOperated && config.trustedKeys !== undefined && "operators and trusted_keys exclude each other",
    !isOperated && config.defaultSentinel !== undefined && "default_sentinel needs operators",
    !isOperated &&
      config.trustedKeys === undefined &&
      systemAccount !== undefined &&
      !knownAccounts.has(systemAccount) &&
      `system_account "${systemAccount}" is not defined`,
  ];
};

/** A file is checked when it is read, options of a program here. */
const accountLinks: Check = ({ accounts = [] }) => {
  const faults: string[] = [];
  const placed = accounts.map(({ name, imports, exports }) => ({
    name,
    exports,
    imports: imports.map((config) => ({ config, at: NOWHERE })),
  }));
  checkAccountLinks(placed, { fault: (message) => void faults.push(message) });
  return faults;
};

const NOWHERE: Position = { file: "", line: 0, column: 0 };

const websocket: Check = (config) => {
  const { websocket: block } = config;
  // Without a port there is no listener, and nothing to check.
  if (!block?.port) return [];
  const { tls, noTls, noAuthUser, allowedOrigins = [], authorization, jwtCookie, headers } = block;
  const userNames = allUsers(config).map(identityOf);
  const hasUsers = userNames.length > 0;
  const isTrusting = config.operators !== undefined || config.trustedKeys !== undefined;
  return [
    tls === undefined && !noTls && "websocket needs tls, or no_tls: true",
    noAuthUser !== undefined &&
      !userNames.includes(noAuthUser) &&
      `no_auth_user "${noAuthUser}" of websocket is not a user of authorization or accounts`,
    ...allowedOrigins.map(
      (origin) =>
        !/^https?:\/\/[^/]/i.test(origin) && `allowed origin "${origin}" must be an http or https URL`,
    ),
    hasUsers && authorization?.user !== undefined && "a user of websocket and users exclude each other",
    hasUsers && authorization?.token !== undefined && "a token of websocket and users exclude each other",
    jwtCookie !== undefined && !isTrusting && "jwt_cookie of websocket needs operators or trusted_keys",
    ...[...(headers?.keys() ?? [])].map(
      (header) => RESERVED_HEADER.test(header) && `websocket must not set the header "${header}"`,
    ),
  ];
};

const leafnodes: Check = (config) => {
  const { leafnodes: block, gateway, operators, systemAccount } = config;
  if (block === undefined) return [];
  const { authorization, remotes = [], compression } = block;
  const hasGateway = gateway?.name !== undefined || Boolean(gateway?.port);
  return [
    ...(operators === undefined ? leafAccounts(config) : operatedLeafAccounts(config)),
    ...remotes.map(mixesWebSocket),
    ...[compression, ...remotes.map((remote) => remote.compression)].map(unorderedThresholds),
    Boolean(block.port) &&
      hasGateway &&
      systemAccount === undefined &&
      "leafnodes and gateway together need a system_account",
    operators !== undefined &&
      authorization?.users !== undefined &&
      "operators and users of leafnodes exclude each other",
  ];
};

const leafAccounts: Check = (config) => {
  const { authorization, remotes = [] } = config.leafnodes ?? {};
  const known = accountNames(config);
  const named = [authorization, ...(authorization?.users ?? []), ...remotes].map((one) => one?.account);
  return named.map(
    (name) => name !== undefined && !known.has(name) && `account "${name}" of leafnodes is not defined`,
  );
};

const operatedLeafAccounts: Check = ({ leafnodes: { authorization, remotes = [] } = {} }) => {
  const named = [authorization?.account, ...remotes.map(({ account = GLOBAL_ACCOUNT }) => account)];
  return named.map(
    (name) =>
      name !== undefined &&
      !isNkey(name, "account") &&
      `with operators, leafnodes names the key of an account and not "${name}"`,
  );
};

const cluster: Check = ({ cluster: block, gateway, jetstream, serverName }) => {
  const { name, port, pinnedAccounts = [], poolSize = 0 } = block ?? {};
  const isClustered = jetstream?.enabled === true && Boolean(port);
  const hasGateway = gateway?.name !== undefined || Boolean(gateway?.port);
  const gateways = gateway?.gateways ?? [];
  const hint = (jetstream?.extensionHint ?? "").toLowerCase();
  return [
    gateway?.name !== undefined &&
      name !== undefined &&
      gateway.name !== name &&
      `the cluster "${name}" and the gateway "${gateway.name}" must have the same name`,
    new Set(pinnedAccounts).size < pinnedAccounts.length && "accounts of cluster names an account twice",
    pinnedAccounts.length > 0 &&
      poolSize < 0 &&
      "pool_size of cluster must not be negative where accounts are given",
    unorderedThresholds(block?.compression),
    isClustered &&
      hint !== "" &&
      hint !== "will_extend" &&
      hint !== "no_extend" &&
      'extension_hint of jetstream must be "will_extend" or "no_extend"',
    isClustered && serverName === undefined && "JetStream in a cluster needs a server_name",
    isClustered && name === undefined && "JetStream in a cluster needs a name of the cluster",
    hasGateway && gateway?.name === undefined && "gateway needs a name",
    hasGateway && !gateway?.port && "gateway needs a port",
    ...(hasGateway
      ? gateways.map(
          (one) => !(one.name && one.urls?.length) && "a gateway of the list needs a name and a url",
        )
      : []),
  ];
};

const jetstream: Check = (config) => {
  const { jetstream: block, defaultJetStreamDomain, systemAccount = SYSTEM_ACCOUNT, accounts = [] } = config;
  const domain = block?.domain;
  const domains = [...(defaultJetStreamDomain ?? [])];
  return [
    domain !== undefined &&
      domain !== "" &&
      !isName(domain) &&
      `the JetStream domain "${domain}" must not have ".", "*", ">" or spaces`,
    ...domains.flatMap(([account, name]) => [
      account === systemAccount && `the system account "${account}" cannot have a default_js_domain`,
      name !== "" &&
        !isValidSubject(`$JS.${name}.API`) &&
        `default_js_domain "${name}" is not a valid domain`,
      config.operators === undefined &&
        account !== GLOBAL_ACCOUNT &&
        !accounts.some((one) => one.name === account) &&
        `account "${account}" of default_js_domain is not defined`,
      config.operators === undefined &&
        name !== "" &&
        accounts.some((one) => one.name === account && one.jetstream) &&
        `account "${account}" of default_js_domain has JetStream itself`,
    ]),
  ];
};

const CHECKS: readonly Check[] = [
  limits,
  monitoring,
  users,
  accountLinks,
  websocket,
  leafnodes,
  cluster,
  jetstream,
];

function allUsers({ authorization, accounts = [] }: BrokerConfig) {
  return [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)];
}

/** Accounts that exist: those of the file, and the two that are always there. */
function accountNames({ accounts = [], systemAccount, noSystemAccount }: BrokerConfig): ReadonlySet<string> {
  const system = systemAccount === undefined && noSystemAccount !== true ? [SYSTEM_ACCOUNT] : [];
  return new Set([GLOBAL_ACCOUNT, ...system, ...accounts.map(({ name }) => name)]);
}

function mixesWebSocket({ urls = [] }: LeafRemoteConfig): string | false {
  const kinds = new Set(urls.map((url) => /^wss?:/i.test(url)));
  return kinds.size > 1 && "a remote of leafnodes mixes WebSocket and other URLs";
}

function unorderedThresholds(compression: CompressionConfig | undefined): string | false {
  const thresholds = (compression?.rttThresholdsMs ?? []).filter((ms) => ms > 0);
  const isOrdered = thresholds.every((ms, i) => i === 0 || ms >= (thresholds[i - 1] ?? 0));
  return !isOrdered && "rtt_thresholds must ascend";
}

/** Source: nats-server jetstream.go `isValidName`. */
function isName(text: string): boolean {
  return text !== "" && !/[\s.*>]/.test(text);
}
