import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, headers } from "nats";
import { expect, it, onTestFinished } from "vitest";

const CONFIG = `accounts {
  A {
    users: [{ user: a, password: pw }]
    exports: [
      { service: svc, latency: { sampling: 100, subject: lat }, threshold: "500ms" }
      { service: traced, latency: { sampling: headers, subject: lat } }
    ]
  }
  B {
    users: [{ user: b, password: pw }]
    imports: [{ service: { account: A, subject: svc } }, { service: { account: A, subject: traced } }]
  }
  C { users: [{ user: c, password: pw }], imports: [{ service: { account: A, subject: svc }, share: true }] }
}`;

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

describeBrokers("the latency of services", (start) => {
  it("is told to their account, with what it may know of both sides", async () => {
    await using broker = await start({ jetstream: false, config: CONFIG });
    const enter = async (user: string) => {
      const connection = await connect({ servers: broker.url, user, pass: "pw", name: user });
      onTestFinished(() => connection.close());
      return connection;
    };
    const [a, b, c] = [await enter("a"), await enter("b"), await enter("c")];
    const events: Record<string, unknown>[] = [];
    a.subscribe("lat", { callback: (_error, message) => events.push(message.json()) });
    await a.flush();
    // Each step waits for its event, so that they come in this order.
    const told = async (count: number) => await waitFor(() => events.length === count);

    b.publish("svc", "", { reply: "nobody" });
    await told(1);
    b.publish("svc");
    await told(2);
    a.subscribe("*", { callback: (_error, message) => void (message.string() && message.respond("x")) });
    await a.flush();
    await b.request("svc", "ask");
    await told(3);
    await c.request("svc", "ask");
    await told(4);
    const trace = headers();
    trace.set("Traceparent", TRACEPARENT);
    await b.request("traced", "ask", { headers: trace, timeout: 5000 });
    await told(5);
    b.publish("svc", "", { reply: "forgotten" });
    await told(6);

    const number = expect.any(Number);
    const text = expect.any(String);
    const common = {
      type: "io.nats.server.metric.v1.service_latency",
      id: text,
      timestamp: text,
      start: text,
      service: number,
      system: number,
      total: number,
    };
    const client = (user: string, acc: string) => ({
      start: text,
      host: "127.0.0.1",
      id: number,
      acc,
      user,
      name: user,
      lang: "nats.js",
      ver: text,
      rtt: number,
      server: text,
      kind: "Client",
      client_type: "nats",
    });
    const requestor = { acc: "B", rtt: number };
    const responder = client("a", "A");
    expect(events).toEqual([
      { ...common, status: 503, description: "Service Unavailable", requestor },
      { ...common, status: 400, description: "Bad Request", requestor },
      { ...common, status: 200, requestor, responder },
      { ...common, status: 200, requestor: client("c", "C"), responder },
      { ...common, status: 200, requestor, responder, header: { Traceparent: [TRACEPARENT] } },
      { ...common, status: 504, description: "Service Timeout", requestor },
    ]);
  });
});
