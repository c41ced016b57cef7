import { availableParallelism } from "node:os";
import { formatTimestamp } from "@ganglion/protocol";
import type { WebSocketConfig } from "../config/blocks/websocket.js";
import type { BrokerView } from "./broker-view.js";
import { jetStreamConfig, jetStreamStatistics } from "./jetstream-use.js";
import { formatUptime, unlessEmpty } from "./monitoring-format.js";

const NANOSECONDS_PER_MS = 1_000_000;
/** nats-server's default, also for what has no TLS. Source: nats-server const.go `TLS_TIMEOUT`. */
const DEFAULT_TLS_TIMEOUT_MS = 2000;

/** /varz: the broker as a whole. Source: nats-server monitor.go `Varz`. */
export function varz(view: BrokerView) {
  return { ...identity(view), ...settings(view), ...peers(view), ...measurements(view) };
}

/** What never changes. */
function identity({ context }: BrokerView) {
  const info = context.info();
  const { required, hasDefaultUser } = context.authenticators.of("STANDARD");
  return {
    server_id: info.server_id,
    server_name: info.server_name,
    version: info.version,
    proto: info.proto,
    go: info.go,
    host: info.host,
    port: info.port,
    auth_required: unlessEmpty(required && !hasDefaultUser),
    tls_required: info.tls_required,
    tls_verify: info.tls_verify,
    connect_urls: info.connect_urls,
    ws_connect_urls: info.ws_connect_urls,
  };
}

/** What it was configured with. */
function settings({ context, addresses }: BrokerView) {
  const { options } = context;
  return {
    max_connections: Number.isFinite(options.maxConnections) ? options.maxConnections : -1,
    max_subscriptions: unlessEmpty(options.maxSubscriptions),
    ping_interval: options.pingIntervalMs * NANOSECONDS_PER_MS,
    ping_max: options.maxPingsOut,
    http_host: addresses.http?.host ?? addresses.https?.host ?? "",
    http_port: addresses.http?.port ?? 0,
    http_base_path: options.httpBasePath ?? "",
    https_port: addresses.https?.port ?? 0,
    auth_timeout: options.authTimeoutMs / 1000,
    max_control_line: options.maxControlLineBytes,
    max_payload: options.maxPayloadBytes,
    max_pending: options.maxPendingBytes,
    tls_timeout: (options.tls?.timeoutMs ?? DEFAULT_TLS_TIMEOUT_MS) / 1000,
    write_deadline: options.writeDeadlineMs * NANOSECONDS_PER_MS,
    tags: unlessEmpty(options.serverTags),
    metadata: options.serverMetadata && Object.fromEntries(options.serverMetadata),
    system_account: context.accounts.system?.name,
  };
}

/** Other kinds of connections; most of them this broker does not have. */
function peers(view: BrokerView) {
  const { websocket } = view.context.options;
  const config = jetStreamConfig(view);
  const stats = jetStreamStatistics(view);
  return {
    cluster: {},
    gateway: {},
    leaf: {},
    mqtt: {},
    websocket: websocket === undefined ? {} : websocketSettings(view, websocket),
    jetstream: config === undefined ? {} : { config, stats, limits: {} },
  };
}

/** Source: nats-server monitor.go `WebsocketOptsVarz`. */
function websocketSettings({ addresses }: BrokerView, websocket: WebSocketConfig) {
  return {
    host: addresses.websocket?.host,
    port: addresses.websocket?.port,
    advertise: unlessEmpty(websocket.advertise),
    no_auth_user: unlessEmpty(websocket.noAuthUser),
    jwt_cookie: unlessEmpty(websocket.jwtCookie),
    handshake_timeout: unlessEmpty((websocket.handshakeTimeoutMs ?? 0) * NANOSECONDS_PER_MS),
    auth_timeout: unlessEmpty((websocket.authorization?.timeoutMs ?? 0) / 1000),
    no_tls: unlessEmpty(websocket.noTls),
    tls_map: unlessEmpty(websocket.tls?.verifyAndMap),
    same_origin: unlessEmpty(websocket.sameOrigin),
    allowed_origins: unlessEmpty(websocket.allowedOrigins),
    compression: unlessEmpty(websocket.compression),
  };
}

/** What goes on. */
function measurements(view: BrokerView) {
  const { context, cpu, httpRequests } = view;
  const { clock } = context.options;
  const statistics = context.registry.statistics();
  const subscriptions = context.accounts.all().reduce((sum, { router }) => sum + router.subscriptionCount, 0);
  return {
    start: formatTimestamp(view.startedUs),
    now: formatTimestamp(clock.nowUs()),
    uptime: formatUptime(clock.monotonicMs() - view.startedMs),
    mem: process.memoryUsage.rss(),
    cores: availableParallelism(),
    gomaxprocs: 1,
    cpu: cpu.read(),
    connections: statistics.connections,
    total_connections: statistics.totalConnections,
    routes: 0,
    remotes: 0,
    leafnodes: 0,
    in_msgs: statistics.inMessages,
    in_bytes: statistics.inBytes,
    in_client_msgs: statistics.inMessages,
    in_client_bytes: statistics.inBytes,
    out_msgs: statistics.outMessages,
    out_bytes: statistics.outBytes,
    out_client_msgs: statistics.outMessages,
    out_client_bytes: statistics.outBytes,
    slow_consumers: statistics.slowConsumers,
    stale_connections: statistics.staleConnections,
    stalled_clients: statistics.stalls,
    subscriptions,
    http_req_stats: Object.fromEntries(httpRequests),
    config_load_time: formatTimestamp(view.configuredUs),
    config_digest: "",
    slow_consumer_stats: { clients: statistics.slowConsumers, routes: 0, gateways: 0, leafs: 0 },
    stale_connection_stats: { clients: statistics.staleConnections, routes: 0, gateways: 0, leafs: 0 },
  };
}
