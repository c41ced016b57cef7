import { RawClient } from "../../support/raw-client.js";
import type { Scenario, Step } from "./scenario.js";

/**
 * Plays a scenario.
 *
 * @returns what each client received, ready to be compared.
 */
export async function play(scenario: Scenario, url: string): Promise<string[]> {
  const players: Player[] = [];
  try {
    for (const step of scenario.steps) {
      players[step.client] ??= new Player(await RawClient.open(url));
      await players[step.client]?.take(step);
    }
    const transcripts = players.map(({ client }) => transcriptOf(client));
    for (const player of players) await player.leave();
    return transcripts;
  } finally {
    for (const { client } of players) client.close();
  }
}

class Player {
  private sent = "";

  constructor(readonly client: RawClient) {}

  async take({ sends, waits }: Step): Promise<void> {
    for (const piece of sends) await this.send(piece);
    if (waits) await this.client.closed();
    else await this.settle();
  }

  /** The next scenario of the same server must find nothing of this one: every subscription is ended. */
  async leave(): Promise<void> {
    const sids = [...this.sent.matchAll(/^sub[ \t][^\n]*?(\S+)\s*?\n/gim)].map(([, sid]) => sid);
    await this.send(sids.map((sid) => `UNSUB ${sid}\r\n`).join(""));
    await this.settle();
  }

  private async send(text: string): Promise<void> {
    if (this.client.isClosed) return;
    this.sent += text;
    await this.client.write(Buffer.from(text, "latin1"));
  }

  private async settle(): Promise<void> {
    await this.send("PING\r\n");
    const pings = this.sent.match(/^ping[^\n]*\n/gim)?.length ?? 0;
    await this.client.pongsOrEnd(pings);
  }
}

function transcriptOf(client: RawClient): string {
  return shorten(normalise(client.received)) + (client.isClosed ? "<closed>" : "");
}

/** Writes long repetitions short. */
function shorten(text: string): string {
  return text.replace(
    /(.{1,10}?)\1{50,}/gs,
    (all, unit: string) => `<${JSON.stringify(unit)} ${all.length / unit.length} times>`,
  );
}

/** Fields of INFO that differ from server to server. */
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

function normalise(text: string): string {
  return text.replace(/INFO (\{.*\}) \r\n/g, (_, json: string) => {
    const info: Record<string, unknown> = JSON.parse(json);
    // Since 2.12, nats-server answers the first PING with a further INFO.
    if (info.connect_info === true) return "";
    const fields = Object.entries(info).filter(([key]) => !OWN_FIELDS.includes(key));
    return `INFO ${JSON.stringify(Object.fromEntries(fields.sort()))}\r\n`;
  });
}
