import { startTestBroker, type TestBrokerKind } from "@ganglion/testing";
import { RawClient } from "./raw-client.js";

/** A scripted conversation with a server. The transcripts of its clients must be equal on every server. */
export interface ConfiguredScenario {
  readonly name: string;
  /** Settings in the syntax of nats-server's configuration file. */
  readonly config: string;
  /** @default false */
  readonly jetstream?: boolean;
  /** @param open - connects one more client; their transcripts are compared in this order. */
  play(open: () => Promise<RawClient>): Promise<void>;
}

/** Plays a scenario on a broker of this kind and returns what each client received. */
export async function transcriptsOf(scenario: ConfiguredScenario, kind: TestBrokerKind): Promise<string[]> {
  const { config, jetstream = false } = scenario;
  await using server = await startTestBroker({ kind, jetstream, config });
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

/** Takes out what differs from run to run. Sizes stay as they are. */
function normalise(text: string): string {
  const infos = text.replace(/INFO (\{.*\}) \r\n/g, (_, json: string, at: number) => {
    const info: Record<string, unknown> = JSON.parse(json);
    // The first PING may be answered with a further INFO: by 2.9 where the account has its own max_payload,
    // by 2.12 always, with more fields.
    if (at > 0) return "";
    const fields = Object.entries(info).filter(([key]) => !OWN_FIELDS.includes(key));
    const shown = fields.map(([key, value]) => [key, key === "nonce" ? typeof value : value]);
    return `INFO ${JSON.stringify(Object.fromEntries(shown.sort()))}\r\n`;
  });
  return infos.replace(/_R_\.\w{6}\.\w{6}/g, "_R_.xxxxxx.yyyyyy");
}
