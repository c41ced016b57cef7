import { performance } from "node:perf_hooks";
import { cpuUsage, memoryUsage } from "node:process";
import type { Account } from "../accounts/account.js";
import type { Traffic } from "../connection/traffic.js";
import { accountTraffic } from "./account-traffic.js";
import type { BrokerView } from "./broker-view.js";
import { healthz } from "./healthz.js";
import { jetStreamMetrics } from "./jetstream-metrics.js";
import type { Metric } from "./prometheus-text.js";

/** /metrics: everything worth an alert or a graph. The names are documented and do not change. */
export function metrics(view: BrokerView): readonly Metric[] {
  return [
    ...processMetrics(view),
    ...trafficMetrics(view),
    ...accountMetrics(view),
    ...jetStreamMetrics(view),
  ];
}

/** A metric of the whole broker. */
// biome-ignore lint/complexity/useMaxParams: reads as one row of a table
function single(type: Metric["type"], name: string, help: string, value: number): Metric {
  return { name: `ganglion_broker_${name}`, help, type, samples: [{ value }] };
}

function processMetrics(view: BrokerView): Metric[] {
  const { server_id, server_name, version } = view.context.info();
  const { user, system } = cpuUsage();
  const { rss, heapUsed } = memoryUsage();
  const { active, idle } = performance.eventLoopUtilization();
  const info = { labels: { server_id, server_name, version }, value: 1 };
  return [
    {
      name: "ganglion_broker_info",
      help: "Identity of the broker; always 1.",
      type: "gauge",
      samples: [info],
    },
    single(
      "gauge",
      "healthy",
      "1 when /healthz answers 200, else 0.",
      Number(healthz(view).statusCode === 200),
    ),
    single("gauge", "start_time_seconds", "Start of the broker, Unix time.", view.startedUs / 1e6),
    single("counter", "cpu_seconds_total", "Processor time of the process.", (user + system) / 1e6),
    single("gauge", "resident_memory_bytes", "Resident memory of the process.", rss),
    single("gauge", "heap_used_bytes", "JavaScript heap in use.", heapUsed),
    single("counter", "event_loop_active_seconds_total", "Time the event loop was working.", active / 1000),
    single("counter", "event_loop_idle_seconds_total", "Time the event loop had nothing to do.", idle / 1000),
  ];
}

function trafficMetrics({ context }: BrokerView): Metric[] {
  const now = context.registry.statistics();
  const { options } = context;
  const pending = context.registry.all().reduce((sum, { outbox }) => sum + outbox.pendingBytes, 0);
  return [
    single("gauge", "connections", "Open client connections.", now.connections),
    single(
      "gauge",
      "max_connections",
      "Connections that may be open; +Inf: no limit.",
      options.maxConnections,
    ),
    single("counter", "connections_total", "Client connections since the start.", now.totalConnections),
    single("counter", "slow_consumers_total", "Connections closed as slow consumers.", now.slowConsumers),
    single(
      "counter",
      "stale_connections_total",
      "Connections closed for unanswered PINGs.",
      now.staleConnections,
    ),
    single("counter", "stalls_total", "Times a fast producer was made to wait.", now.stalls),
    single("counter", "received_messages_total", "Messages received from clients.", now.inMessages),
    single("counter", "received_bytes_total", "Bytes of messages received from clients.", now.inBytes),
    single("counter", "sent_messages_total", "Messages sent to clients.", now.outMessages),
    single("counter", "sent_bytes_total", "Bytes of messages sent to clients.", now.outBytes),
    single("gauge", "pending_bytes", "Bytes that wait for clients to read them.", pending),
  ];
}

function accountMetrics(view: BrokerView): Metric[] {
  const traffic = view.context.accounts.all().map((account) => [account, accountTraffic(account)] as const);
  const perAccount = (figure: (account: Account, traffic: Traffic) => number) =>
    traffic.map(([account, sums]) => ({ labels: { account: account.name }, value: figure(account, sums) }));
  const row = (type: Metric["type"], name: string, help: string) => ({
    name: `ganglion_account_${name}`,
    help,
    type,
  });
  return [
    {
      ...row("gauge", "connections", "Open client connections."),
      samples: perAccount((a) => a.connections.size),
    },
    {
      ...row("gauge", "subscriptions", "Subscriptions, those of the broker itself included."),
      samples: perAccount((a) => a.router.subscriptionCount),
    },
    {
      ...row("counter", "received_messages_total", "Messages received from clients."),
      samples: perAccount((_, t) => t.inMessages),
    },
    {
      ...row("counter", "received_bytes_total", "Bytes of messages received from clients."),
      samples: perAccount((_, t) => t.inBytes),
    },
    {
      ...row("counter", "sent_messages_total", "Messages sent to clients."),
      samples: perAccount((_, t) => t.outMessages),
    },
    {
      ...row("counter", "sent_bytes_total", "Bytes of messages sent to clients."),
      samples: perAccount((_, t) => t.outBytes),
    },
    {
      ...row("counter", "slow_consumers_total", "Connections closed as slow consumers."),
      samples: perAccount((a) => a.slowConsumers),
    },
  ];
}
