import {
  type App,
  contract,
  Handler,
  type HandlerContext,
  type In,
  type InstanceChange,
  rpc,
  Service,
  serveHealth,
} from "@ganglion/core";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect } from "nats";
import { afterEach, beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";

const Echo = contract("echo", {
  version: "1.4.0",
  say: rpc({ input: z.string(), output: z.string(), errors: { RUDE: z.string() } }),
});

@Service(Echo)
class EchoService {
  @Handler(Echo.say)
  say(text: In<typeof Echo.say>, ctx: HandlerContext<typeof Echo.say>) {
    if (text === "") throw ctx.error("RUDE", "say something");
    return text;
  }
}

let broker: TestBroker;
const apps: App[] = [];

describeBrokers("discovery and health", (startBroker) => {
  beforeEach(async () => {
    broker = await startBroker();
  });
  afterEach(async () => {
    for (const app of apps.splice(0).reverse()) await app.stop();
    await broker.close();
  });
  const start = async (...services: (new () => object)[]) => {
    const app = await startApp({ services, nats: broker.url, stopTimeout: "2s" });
    apps.push(app);
    return app;
  };

  it("finds instances with their counters, of other frameworks too", async () => {
    const observer = await start();
    expect(await observer.discover(Echo).list()).toEqual([]);
    const first = await start(EchoService);
    await start(EchoService);
    await first.client(Echo).say("hello");
    await first.client(Echo).say.safe("");
    const found = await observer.discover(Echo).list();
    expect(found).toHaveLength(2);
    expect(found[0]).toMatchObject({ name: "echo", version: "1.4.0", metadata: { framework: "ganglion" } });
    expect(Date.now() - (found[0]?.started.getTime() ?? 0)).toBeLessThan(60_000);
    const endpoints = found.flatMap((instance) => instance.endpoints);
    expect(endpoints[0]).toMatchObject({ name: "say", subject: "echo.say", queueGroup: "echo" });
    const sum = (field: "requests" | "errors") => endpoints.reduce((total, one) => total + one[field], 0);
    expect([sum("requests"), sum("errors")]).toEqual([2, 1]);
    expect(endpoints.some(({ lastError }) => lastError.includes("RUDE"))).toBe(true);

    const connection = await connect({ servers: broker.url });
    const foreign = await connection.services.add({ name: "foreign", version: "0.1.0" });
    foreign.addEndpoint("ask", {
      subject: "foreign.ask",
      handler: (_error, message) => void message.respond(),
    });
    const names = await waitFor(async () => {
      const all = await observer.discover().list();
      return all.length === 3 ? all.map(({ name }) => name) : undefined;
    });
    expect(names).toEqual(["echo", "echo", "foreign"]);
    expect(await observer.discover("foreign").list()).toHaveLength(1);
    await connection.close();
  });

  it("tells of instances that come and go", async () => {
    const observer = await start();
    const first = await start(EchoService);
    const stop = new AbortController();
    const changes: string[] = [];
    const options = { interval: "30ms", wait: "100ms", missed: 2, signal: stop.signal } as const;
    const watching = (async () => {
      for await (const { type, instance } of observer.discover(Echo).watch(options)) {
        changes.push(`${type} ${instance.id}` satisfies `${InstanceChange["type"]} ${string}`);
      }
    })();
    await waitFor(() => changes.length === 1);
    await start(EchoService);
    await waitFor(() => changes.length === 2);
    await first.stop();
    await waitFor(() => changes.length === 3);
    stop.abort();
    await watching;
    expect(changes.map((change) => change.split(" ")[0])).toEqual(["joined", "joined", "left"]);
    expect(changes[2]?.split(" ")[1]).toBe(changes[0]?.split(" ")[1]);
  });

  it("answers the probes of an orchestrator", async () => {
    const app = await start(EchoService);
    await using health = await serveHealth(app, { port: 0 });
    const probe = async (path: string, method = "GET") => {
      const response = await fetch(`${health.url}${path}`, { method });
      return { status: response.status, body: method === "HEAD" ? "" : await response.json() };
    };
    expect(await probe("/readyz")).toEqual({ status: 200, body: { live: true, ready: true, problems: [] } });
    expect(await probe("/livez?verbose", "HEAD")).toMatchObject({ status: 200 });
    expect(await probe("/healthz", "POST")).toMatchObject({ status: 405 });
    expect(await probe("/")).toMatchObject({
      status: 404,
      body: { paths: ["/livez", "/readyz", "/healthz"] },
    });
    await app.stop();
    expect(await probe("/readyz")).toMatchObject({ status: 503, body: { problems: ["the app is stopped"] } });
    expect(await probe("/livez")).toMatchObject({ status: 503 });
    const taken = Number(new URL(health.url).port);
    await expect(serveHealth(app, { port: taken })).rejects.toMatchObject({ code: "HEALTH_LISTEN_FAILED" });
  });
});
