import {
  type App,
  contract,
  type DataOut,
  type EventContext,
  event,
  Handler,
  type HandlerContext,
  rpc,
  Service,
  Subscriber,
  task,
  Worker,
} from "@ganglion/core";
import { connectNats } from "@ganglion/core/internal";
import { MemorySpanExporter, type Otel, type RecordedSpan, startOtel } from "@ganglion/otel";
import { startTestBroker, type TestBroker, waitFor } from "@ganglion/testing";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { RecordingLogger, startApp } from "../support/core-app.js";

const Shop = contract("shop", {
  version: "1.0.0",
  buy: rpc({ input: z.string(), output: z.string() }),
  price: rpc({ input: z.string(), output: z.number() }),
  bought: event({ data: z.string() }),
  ship: task({ data: z.string() }),
});

const logger = new RecordingLogger();

@Service(Shop)
class ShopService {
  @Handler(Shop.buy) async buy(sku: string, ctx: HandlerContext<typeof Shop.buy>) {
    await ctx.call(Shop.price, sku);
    await ctx.emit(Shop.bought, sku);
    return sku;
  }
  @Handler(Shop.price) price(sku: string, ctx: HandlerContext<typeof Shop.price>): number {
    ctx.log.info("priced");
    if (sku === "broken") throw new TypeError("no price");
    return 1;
  }
  @Subscriber(Shop.bought) async onBought(sku: DataOut<typeof Shop.bought>, ctx: EventContext) {
    await ctx.enqueue(Shop.ship, sku);
  }
  @Worker(Shop.ship) ship() {}
}

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker({ kind: "nats-server" });
});
afterAll(() => broker.close());

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const item of opened.splice(0).reverse()) await item.close();
});
const start = async (otel: Otel | undefined) => {
  const app: App = await startApp({
    services: [ShopService],
    nats: broker.url,
    logger,
    ...(otel !== undefined && { observer: otel.observer }),
  });
  opened.push({ close: () => app.stop() });
  return app;
};

it("a call and everything it causes are one trace, with the attributes of messaging", async () => {
  const exporter = new MemorySpanExporter();
  const otel = await startOtel({ serviceName: "shop", exporter, global: false, metricReaders: [] });
  opened.push({ close: () => otel.shutdown() });
  const app = await start(otel);
  await app.client(Shop).buy("a");
  const spans = await waitFor(async () => {
    await otel.flush();
    const found = exporter.spans();
    return found.some(({ name }) => name === "process shop.ship") ? found : undefined;
  });
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const parentOf = (span: RecordedSpan | undefined) =>
    spans.find(({ spanId }) => spanId === span?.parentSpanId);
  const path: string[] = [];
  let at = spans.find(({ name }) => name === "process shop.ship");
  for (; at !== undefined; at = parentOf(at)) path.push(`${at.kind} ${at.name}`);
  expect(path).toEqual([
    "consumer process shop.ship",
    "producer publish shop.ship",
    "consumer process shop.bought",
    "producer publish shop.bought",
    "server process shop.buy",
    "client request shop.buy",
  ]);
  expect(spans.find(({ name }) => name === "process shop.bought")?.attributes).toMatchObject({
    "messaging.system": "nats",
    "messaging.operation.type": "process",
    "messaging.destination.name": "shop.bought",
    "messaging.consumer.group.name": "shop-bought",
  });
  const server = spans.find(({ name, kind }) => name === "process shop.price" && kind === "server");
  expect(parentOf(parentOf(server))?.name).toBe("process shop.buy");
  const line = logger.lines.find(({ message }) => message === "priced");
  expect(line).toBeDefined();
});

it("failures mark their spans", async () => {
  const exporter = new MemorySpanExporter();
  const otel = await startOtel({ serviceName: "shop", exporter, global: false, metricReaders: [] });
  opened.push({ close: () => otel.shutdown() });
  const app = await start(otel);
  await app.client(Shop).buy.safe("broken");
  await otel.flush();
  const failed = exporter.spans().filter(({ error }) => error !== undefined);
  expect(failed.map(({ name }) => name).sort()).toEqual([
    "process shop.buy",
    "process shop.price",
    "request shop.buy",
    "request shop.price",
  ]);
});

it("a trace passes through an app that does not trace", async () => {
  const app = await start(undefined);
  const transport = await connectNats({ servers: broker.url });
  opened.push(transport);
  const seen: (string | undefined)[] = [];
  for (const subject of ["shop.price", "shop.bought", "shop.ship"]) {
    transport.subscribe(subject, {
      onMessage: ({ headers }) =>
        seen.push(`${subject} ${headers.get("traceparent")} ${headers.get("baggage")}`),
    });
  }
  await transport.flush();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await app.client(Shop).buy("a", {
    headers: [
      ["traceparent", traceparent],
      ["baggage", "tenant=7"],
    ],
  });
  await waitFor(() => seen.length === 3);
  expect(seen).toEqual(
    ["shop.price", "shop.bought", "shop.ship"].map((subject) => `${subject} ${traceparent} tenant=7`),
  );
});
