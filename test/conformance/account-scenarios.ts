import type { RawClient } from "../support/raw-client.js";
import type { ConfiguredScenario } from "../support/transcripts.js";
import { connect } from "./auth-scenarios.js";

/** The accounts of a configuration, each with a user of its name in lower case. */
export function accounts(blocks: Readonly<Record<string, string>>): string {
  const each = Object.entries(blocks).map(
    ([name, block]) => `${name} { users: [{ user: ${name.toLowerCase()}, password: pw }], ${block} }`,
  );
  return `accounts { ${each.join("\n")} }`;
}

/** A client in the account of this user. */
export async function enter(open: () => Promise<RawClient>, user: string, text = ""): Promise<RawClient> {
  const client = await open();
  client.send(connect({ user, pass: "pw" }) + text);
  await client.sync();
  return client;
}

export const ACCOUNT_SCENARIOS: readonly ConfiguredScenario[] = [
  {
    name: "accounts do not hear each other",
    config: accounts({ A: "", B: "" }),
    play: async (open) => {
      const a = await enter(open, "a", "SUB > 1\r\nSUB foo q 2\r\n");
      const b = await enter(open, "b", "SUB > 1\r\nPUB foo 1\r\nb\r\nPUB foo reply 1\r\nb\r\n");
      a.send("PUB foo 1\r\na\r\n");
      await a.sync();
      await b.sync();
    },
  },
  {
    name: "limits of an account",
    config: accounts({
      A: "limits { max_connections: 2, max_subscriptions: 2, max_payload: 4 }",
      B: "limits { max_payload: -1 }",
    }),
    play: async (open) => {
      await enter(open, "a", "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB a 4\r\n1234\r\nUNSUB 1\r\nSUB d 4\r\n");
      const second = await enter(open, "a");
      const third = await open();
      third.send(connect({ user: "a", pass: "pw" }));
      await third.closed();
      second.send("PUB a 5\r\n12345\r\n");
      await second.closed();
      await enter(open, "a");
      await enter(open, "b", "PUB a 5\r\n12345\r\n");
    },
  },
  {
    name: "JetStream is off for an account that does not name it",
    config: accounts({ A: "jetstream: enabled", B: "" }),
    jetstream: true,
    play: async (open) => {
      const b = await enter(open, "b", "SUB inbox 1\r\n");
      for (const [request, response] of [
        ["INFO", /account_info_response/],
        ["STREAM.NAMES", /stream_names_response/],
        ["STREAM.INFO.x", /stream_info_response/],
        ["CONSUMER.LIST.x", /consumer_list_response/],
      ] as const) {
        b.send(`PUB $JS.API.${request} inbox 0\r\n\r\n`);
        await b.until(response);
      }
      b.send("PUB $JS.API.NONSENSE inbox 0\r\n\r\nPUB $JS.API.CONSUMER.MSG.NEXT.a.b inbox 0\r\n\r\n");
      await b.sync();
    },
  },
];
