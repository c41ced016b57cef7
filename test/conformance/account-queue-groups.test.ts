import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect } from "nats";
import { expect, it, onTestFinished } from "vitest";

const CONFIG = `accounts {
  A { users: [{ user: a, password: pw }], exports: [{ stream: foo }, { service: svc }] }
  B {
    users: [{ user: b, password: pw }]
    imports: [{ stream: { account: A, subject: foo }, to: bar }, { service: { account: A, subject: svc } }]
  }
}`;
const MESSAGES = 200;

describeBrokers("queue groups of several accounts", (start) => {
  async function enter(url: string, user: string) {
    const connection = await connect({ servers: url, user, pass: "pw" });
    onTestFinished(() => connection.close());
    return connection;
  }

  it("share what is published: members of the importing account take their part", async () => {
    await using broker = await start({ jetstream: false, config: CONFIG });
    const [a, b] = [await enter(broker.url, "a"), await enter(broker.url, "b")];
    const counts = { a: 0, b: 0 };
    a.subscribe("foo", { queue: "q", callback: () => void counts.a++ });
    b.subscribe("bar", { queue: "q", callback: () => void counts.b++ });
    await a.flush();
    await b.flush();
    for (let i = 0; i < MESSAGES; i++) a.publish("foo");
    await a.flush();
    await waitFor(() => counts.a + counts.b === MESSAGES);
    expect(counts.a).toBeGreaterThan(0);
    expect(counts.b).toBeGreaterThan(0);
  });

  it("share the requests that come through an import", async () => {
    await using broker = await start({ jetstream: false, config: CONFIG });
    const [a, b] = [await enter(broker.url, "a"), await enter(broker.url, "b")];
    const counts = [0, 0];
    for (const member of [0, 1]) {
      a.subscribe("svc", {
        queue: "q",
        callback: (_error, message) => {
          counts[member] = (counts[member] ?? 0) + 1;
          message.respond(String(member));
        },
      });
    }
    await a.flush();
    const answers = await Promise.all(
      Array.from({ length: MESSAGES }, () => b.request("svc", "", { timeout: 5000 })),
    );
    expect(answers).toHaveLength(MESSAGES);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(MESSAGES);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });
});
