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

/** One operation of a server, with its payload. */
interface Operation {
  /** Of the subscription a message is for; undefined when it is no message. */
  readonly sid?: string;
  readonly text: string;
}

/** Takes out what differs from run to run, and puts messages to one client in the order of its subscriptions. */
function normalise(received: string): string {
  const operations = operationsOf(received);
  const sorted: Operation[] = [];
  for (const operation of operations) {
    // One message reaches the subscriptions of a client in any order; each subscription sees its messages in order.
    let at = sorted.length;
    while (at > 0 && isBehind(sorted[at - 1], operation)) at--;
    sorted.splice(at, 0, operation);
  }
  const text = sorted.map((operation) => operation.text).join("");
  // A reply whose answer is measured names the server as well.
  return text.replace(/_R_\.\w{6}\.\w{6}(\.\w{8}\.T)?/g, "_R_.xxxxxx.yyyyyy");
}

function isBehind(before: Operation | undefined, operation: Operation): boolean {
  if (before?.sid === undefined || operation.sid === undefined) return false;
  return before.sid > operation.sid;
}

function operationsOf(received: string): Operation[] {
  const operations: Operation[] = [];
  let at = 0;
  while (at < received.length) {
    const lineEnd = received.indexOf("\r\n", at);
    if (lineEnd === -1) break;
    const line = received.slice(at, lineEnd);
    const isMessage = /^H?MSG /.test(line);
    const end = lineEnd + 2 + (isMessage ? Number(line.split(" ").at(-1)) + 2 : 0);
    const payload = received.slice(lineEnd + 2, end);
    if (isMessage) operations.push({ sid: line.split(" ")[2] ?? "", text: messageText(line, payload) });
    else operations.push({ text: line.startsWith("INFO ") ? infoText(line, at) : `${line}\r\n` });
    at = end;
  }
  return operations;
}

/** Fields of INFO that differ from server to server, or that only newer servers have. */
const OWN_FIELDS = [
  "server_id",
  "server_name",
  "version",
  "go",
  "git_commit",
  "host",
  "port",
  "client_id",
  "api_lvl",
];

function infoText(line: string, at: number): string {
  // The first PING may be answered with a further INFO: by 2.9 where the account has its own max_payload,
  // by 2.12 always, with more fields.
  if (at > 0) return "";
  const info: Record<string, unknown> = JSON.parse(line.slice("INFO ".length));
  const fields = Object.entries(info).filter(([key]) => !OWN_FIELDS.includes(key));
  const shown = fields.map(([key, value]) => [key, key === "nonce" ? typeof value : value]);
  return `INFO ${JSON.stringify(Object.fromEntries(shown.sort()))}\r\n`;
}

/** Fields of what is told of a client that differ from run to run. */
const VARYING = ["start", "id", "rtt", "server"];

function messageText(line: string, payload: string): string {
  const told = /Nats-Request-Info: (\{.*\})/.exec(payload)?.[1];
  if (told === undefined) return `${line}\r\n${payload}`;
  const fields = Object.entries(JSON.parse(told) as Record<string, unknown>);
  const shown = fields.map(([key, value]) => [key, VARYING.includes(key) ? typeof value : value]);
  const shape = JSON.stringify(Object.fromEntries(shown));
  return `${line.replace(/ \d+ \d+$/, " sizes")}\r\n${payload.replace(told, shape)}`;
}
