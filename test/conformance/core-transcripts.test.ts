import { spawnSync } from "node:child_process";
import { startBroker } from "@ganglion/broker";
import { startTestBroker } from "@ganglion/testing";
import { describe, expect, test } from "vitest";
import { RawClient } from "../support/raw-client.js";
import { CORE_SCENARIOS, type Scenario, type ServerSettings } from "./core-scenarios.js";

const hasNatsServer = spawnSync("nats-server", ["-v"]).status === 0;

interface RunningServer extends AsyncDisposable {
  readonly url: string;
}

function startOurs(settings: ServerSettings): Promise<RunningServer> {
  const { user, pass, token, authTimeoutMs, ...limits } = settings;
  const timeout = authTimeoutMs === undefined ? {} : { timeoutMs: authTimeoutMs };
  return startBroker({
    ...limits,
    ...(token === undefined ? {} : { authorization: { token, ...timeout } }),
    ...(user === undefined || pass === undefined ? {} : { authorization: { user, pass, ...timeout } }),
  });
}

function startTheirs(settings: ServerSettings): Promise<RunningServer> {
  const lines = [
    settings.maxPayloadBytes && `max_payload: ${settings.maxPayloadBytes}`,
    settings.maxControlLineBytes && `max_control_line: ${settings.maxControlLineBytes}`,
    settings.maxConnections && `max_connections: ${settings.maxConnections}`,
    settings.maxSubscriptions && `max_subscriptions: ${settings.maxSubscriptions}`,
    settings.pingIntervalMs && `ping_interval: "${settings.pingIntervalMs}ms"`,
    settings.user && `authorization { user: ${settings.user}, pass: ${settings.pass} }`,
    settings.token &&
      `authorization { token: ${settings.token}, timeout: ${(settings.authTimeoutMs ?? 2000) / 1000} }`,
  ];
  return startTestBroker({ kind: "nats-server", jetstream: false, config: lines.filter(Boolean).join("\n") });
}

/** Plays a scenario and returns what each client received. */
async function transcripts(scenario: Scenario, start: typeof startOurs): Promise<string[]> {
  await using server = await start(scenario.settings ?? {});
  const clients: RawClient[] = [];
  try {
    await scenario.play(async () => {
      const client = await RawClient.open(server.url);
      clients.push(client);
      return client;
    });
    return clients.map((client) => normalise(client.received) + (client.isClosed ? "<closed>" : ""));
  } finally {
    for (const client of clients) client.close();
  }
}

/** Fields of INFO that differ from server to server, or that only newer servers have. */
const OWN_FIELDS = ["server_id", "server_name", "version", "go", "git_commit", "host", "port", "client_id"];

function normalise(text: string): string {
  return text.replace(/INFO (\{.*\}) \r\n/g, (_, json: string) => {
    const info: Record<string, unknown> = JSON.parse(json);
    // Since 2.12, nats-server answers the first PING with a further INFO.
    if (info.connect_info === true) return "";
    const fields = Object.entries(info).filter(([key]) => !OWN_FIELDS.includes(key));
    return `INFO ${JSON.stringify(Object.fromEntries(fields.sort()))}\r\n`;
  });
}

describe("core protocol, byte for byte", () => {
  if (!hasNatsServer) console.warn("core transcripts: not compared, nats-server is not on the PATH");
  test.each(CORE_SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
    "%s",
    async (_, scenario) => {
      const ours = await transcripts(scenario, startOurs);
      for (const transcript of ours) expect(transcript).toMatch(/^INFO /);
      if (!hasNatsServer) return;
      expect(ours).toEqual(await transcripts(scenario, startTheirs));
    },
  );
});
