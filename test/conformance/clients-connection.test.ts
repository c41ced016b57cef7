import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { describe, expect, it } from "vitest";
import { CLIENT_LIBRARIES } from "../support/client-library.js";
import { ALL_BROKERS, connectUntilTestEnds, describeClients, take } from "../support/describe-clients.js";

/** So that a restart is noticed and mended in milliseconds. */
const QUICK_RECONNECT: ConnectionOptions = {
  reconnectTimeWait: 20,
  reconnectJitter: 0,
  maxReconnectAttempts: -1,
};

/** Keeps the types of the connection's status events. */
function statusTypes(connection: NatsConnection): readonly string[] {
  const types: string[] = [];
  void (async () => {
    for await (const status of connection.status()) types.push(status.type);
  })();
  return types;
}

describeClients("a connection", ({ library, connect, unique }) => {
  it("learns about the server it is on", async () => {
    const connection = await connect({ name: "conformance" });
    const info = connection.info;
    expect(info?.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(info?.server_id).toMatch(/^N[A-Z2-7]{55}$/);
    expect(info).toMatchObject({ headers: true, proto: 1, max_payload: 1_048_576 });
    expect(info?.client_id).toBeGreaterThan(0);
  });

  it("drain handles what has arrived, takes nothing new, and closes", async () => {
    const subject = unique("drain");
    const [publisher, subscriber] = [await connect(), await connect()];
    const messages = subscriber.subscribe(subject);
    await subscriber.flush();
    for (let n = 0; n < 200; n++) publisher.publish(subject, `${n}`);
    await publisher.flush();
    const drained = subscriber.drain();
    const received = await take(messages, 200);
    await drained;
    expect(received.at(-1)?.string()).toBe("199");
    expect(subscriber.isClosed()).toBe(true);
    const failure = await publisher
      .request(subject, "", { timeout: 2_000 })
      .then(() => "none", library.failure);
    expect(failure).toBe("no responders");
  });

  it("drain of one subscription leaves the others", async () => {
    const subject = unique("drain-one");
    const connection = await connect();
    const [drained, kept] = [connection.subscribe(subject), connection.subscribe(subject)];
    connection.publish(subject, "before");
    await drained.drain();
    connection.publish(subject, "after");
    await connection.flush();
    expect((await take(drained, 1)).map((message) => message.string())).toEqual(["before"]);
    expect((await take(kept, 2)).map((message) => message.string())).toEqual(["before", "after"]);
  });
});

describeBrokers(
  "a connection over a restart",
  (start, kind) => {
    const signals = kind === "embedded" ? (["SIGTERM"] as const) : (["SIGTERM", "SIGKILL"] as const);
    describe.each(CLIENT_LIBRARIES)("with $name", (library) => {
      it.each(signals)("reconnects after %s and restores its subscriptions", async (signal) => {
        await using broker = await start();
        const connection = await connectUntilTestEnds(library, broker, QUICK_RECONNECT);
        const statuses = statusTypes(connection);
        const received: string[] = [];
        connection.subscribe("kept.*", { callback: (_, message) => void received.push(message.string()) });
        await connection.flush();

        await broker.restart({ signal });
        await waitFor(() => statuses.includes("reconnect"), { what: "the reconnect" });
        expect(statuses).toContain("disconnect");
        connection.publish("kept.subject", "after");
        await connection.flush();
        expect(received).toEqual(["after"]);
      });
    });
  },
  { kinds: ALL_BROKERS },
);
