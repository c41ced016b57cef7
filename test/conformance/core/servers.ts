import { startBroker } from "@ganglion/broker";
import { startTestBroker } from "@ganglion/testing";
import type { ServerSettings } from "./scenario.js";

/** A server that scenarios are played on. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
}

/** Starts our broker. */
export function startOurs(settings: ServerSettings): Promise<RunningServer> {
  const { user, pass, token, authTimeoutMs, ...limits } = settings;
  const timeout = authTimeoutMs === undefined ? {} : { timeoutMs: authTimeoutMs };
  return startBroker({
    ...limits,
    ...(token === undefined ? {} : { authorization: { token, ...timeout } }),
    ...(user === undefined || pass === undefined ? {} : { authorization: { user, pass, ...timeout } }),
  });
}

/** Starts nats-server with the same settings. */
export function startTheirs(settings: ServerSettings): Promise<RunningServer> {
  const lines = [
    settings.maxPayloadBytes && `max_payload: ${settings.maxPayloadBytes}`,
    settings.maxControlLineBytes && `max_control_line: ${settings.maxControlLineBytes}`,
    settings.maxConnections && `max_connections: ${settings.maxConnections}`,
    settings.maxSubscriptions && `max_subscriptions: ${settings.maxSubscriptions}`,
    settings.maxPendingBytes && `max_pending: ${settings.maxPendingBytes}`,
    settings.pingIntervalMs && `ping_interval: "${settings.pingIntervalMs}ms"`,
    settings.maxPingsOut && `ping_max: ${settings.maxPingsOut}`,
    settings.user && `authorization { user: ${settings.user}, pass: ${settings.pass} }`,
    settings.token &&
      `authorization { token: ${settings.token}, timeout: ${(settings.authTimeoutMs ?? 2000) / 1000} }`,
  ];
  return startTestBroker({ kind: "nats-server", jetstream: false, config: lines.filter(Boolean).join("\n") });
}

/** One server for all scenarios with the same settings. */
export class ServerPool implements AsyncDisposable {
  private readonly running = new Map<string, Promise<RunningServer>>();

  constructor(private readonly start: (settings: ServerSettings) => Promise<RunningServer>) {}

  get(settings: ServerSettings): Promise<RunningServer> {
    const key = JSON.stringify(settings);
    const known = this.running.get(key);
    if (known !== undefined) return known;
    const started = this.start(settings);
    this.running.set(key, started);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.running.values()) await (await server)[Symbol.asyncDispose]();
    this.running.clear();
  }
}
