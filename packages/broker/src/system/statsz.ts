import { availableParallelism } from "node:os";
import { formatTimestamp } from "@ganglion/protocol";
import type { BrokerView } from "../monitoring/broker-view.js";
import { jetStreamConfig, jetStreamStatistics } from "../monitoring/jetstream-use.js";

/** What a broker tells about itself every few seconds. Source: nats-server events.go `sendStatsz`, `ServerStats`. */
export function statsz(view: BrokerView) {
  const { context, cpu } = view;
  const { accounts, registry } = context;
  const statistics = registry.statistics();
  const sent = { msgs: statistics.outMessages, bytes: statistics.outBytes };
  const received = { msgs: statistics.inMessages, bytes: statistics.inBytes };
  const { store_dir: _, ...config } = jetStreamConfig(view) ?? {};
  const stats = jetStreamStatistics(view);
  return {
    start: formatTimestamp(view.startedUs),
    mem: process.memoryUsage.rss(),
    cores: availableParallelism(),
    cpu: cpu.read(),
    connections: statistics.connections,
    total_connections: statistics.totalConnections,
    active_accounts: accounts.all().filter(({ connections }) => connections.size > 0).length,
    subscriptions: accounts.all().reduce((sum, { router }) => sum + router.subscriptionCount, 0),
    sent,
    sent_to_clients: sent,
    received,
    received_from_clients: received,
    slow_consumers: statistics.slowConsumers,
    ...(statistics.slowConsumers > 0 && {
      slow_consumer_stats: { clients: statistics.slowConsumers, routes: 0, gateways: 0, leafs: 0 },
    }),
    ...(statistics.staleConnections > 0 && {
      stale_connections: statistics.staleConnections,
      stale_connection_stats: { clients: statistics.staleConnections, routes: 0, gateways: 0, leafs: 0 },
    }),
    ...(statistics.stalls > 0 && { stalled_clients: statistics.stalls }),
    active_servers: 1,
    ...(stats && { jetstream: { config, stats, limits: {} } }),
  };
}
