import {
  contract,
  createApp,
  event,
  Handler,
  type HandlerContext,
  type In,
  rpc,
  Service,
  Subscriber,
} from "@ganglion/core";
import { kv, On, Projection, type ProjectionContext, type Rows } from "@ganglion/eventsourcing";
import { silentLogger } from "@ganglion/kernel";
import { startOtel } from "@ganglion/otel";
import { waitFor } from "@ganglion/testing";
import * as z from "zod";

// A process of otel-trace.test.ts: `billing` answers requests and emits events, `shop` calls it and hears of them.

const Invoice = z.object({ id: z.string(), cents: z.int() });

const Billing = contract("billing", {
  version: "1.0.0",
  charge: rpc({ input: Invoice, output: z.object({}), errors: { TOO_MUCH: z.object({ cents: z.int() }) } }),
  charged: event({ data: Invoice, key: (invoice) => invoice.id }),
});

@Service(Billing)
class BillingService {
  @Handler(Billing.charge)
  async charge(invoice: In<typeof Billing.charge>, ctx: HandlerContext<typeof Billing.charge>) {
    if (invoice.cents > 100_00) throw ctx.error("TOO_MUCH", { cents: invoice.cents }, "that is too much");
    await ctx.emit(Billing.charged, invoice);
    return {};
  }
}

@Projection("invoices", { store: kv<{ cents: number }>() })
class Invoices {
  @On(Billing.charged)
  charged({ id, cents }: z.output<typeof Invoice>, ctx: ProjectionContext<Rows<{ cents: number }>>) {
    ctx.tx.set(id, { cents });
  }
}

@Service("post")
class Post {
  @Subscriber(Billing.charged, { durable: "letters" })
  letter() {}

  @Subscriber(Billing.charged, { durable: "statistics", batch: 2, batchWait: "5s" })
  statistics(_invoices: readonly z.output<typeof Invoice>[]) {}
}

const [role = "", nats = "", otlpUrl = ""] = process.argv.slice(2);
const otel = await startOtel({ serviceName: role, otlpUrl });
const services = role === "billing" ? [BillingService] : [Post, Invoices];
const app = await createApp({ name: role, services, nats, observer: otel.observer, logger: silentLogger });
await app.start();
process.stdout.write("ready\n");

process.once("SIGTERM", async () => {
  await app.stop();
  await otel.shutdown();
});
if (role === "shop") {
  await shop();
  process.stdout.write("bought\n");
}

async function shop(): Promise<void> {
  const invoices = app.projections(Invoices);
  await waitFor(() => invoices.status().phase === "live");
  for (const [id, cents] of [
    ["small", 5_00],
    ["large", 500_00],
    ["medium", 50_00],
  ] as const) {
    const span = otel.observer.startSpan({ name: `buy ${id}`, kind: "internal" });
    const result = await span.run(() => app.client(Billing).charge.safe({ id, cents }));
    span.end();
    if (result.ok) await waitFor(() => invoices.get(id)); // so that each event is projected for itself
  }
}
