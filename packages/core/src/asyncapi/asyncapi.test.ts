import { Parser } from "@asyncapi/parser";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { contract } from "../contract/contract.js";
import { event, rpc, task } from "../contract/spec.js";
import { type AsyncApiDocument, asyncApi } from "./asyncapi.js";

const Orders = contract("orders", {
  version: "2.1.0",
  place: rpc({
    description: "Places an order",
    input: z.object({ sku: z.string(), qty: z.number().int().min(1).default(1) }),
    output: z.object({ id: z.string() }),
    errors: { OUT_OF_STOCK: z.object({ sku: z.string() }), CLOSED: z.void() },
  }),
  watch: rpc({ input: z.void(), output: z.object({ id: z.string() }), stream: true }),
  placed: event({ subject: "orders.{region}.placed", data: z.object({ id: z.string() }) }),
  ship: task({ data: z.object({ id: z.string() }), description: "Ships an order" }),
});
const Payments = contract("payments", {
  version: "1.0.0",
  captured: event({ data: z.object({ at: z.iso.datetime() }) }),
});

/** What the official parser says is wrong. */
async function faultsOf(document: unknown): Promise<readonly string[]> {
  const diagnostics = await new Parser().validate(JSON.stringify(document));
  return diagnostics
    .filter(({ severity }) => severity === 0)
    .map(({ path, message }) => `${path.join("/")}: ${message}`);
}

describe("asyncApi", () => {
  const document = asyncApi([Orders, Payments], {
    title: "Shop",
    version: "3.0.0",
    description: "All of it",
    servers: { production: { host: "nats.example.com:4222", description: "Three nodes" } },
  });

  it("is valid by the official parser", async () => {
    expect(await faultsOf(document)).toEqual([]);
    expect(await faultsOf(asyncApi([Orders]))).toEqual([]);
  });

  it("the parser would notice a fault", async () => {
    const broken = {
      ...document,
      operations: { "orders.place": { action: "answer", channel: { $ref: "#/channels/nowhere" } } },
    } satisfies AsyncApiDocument;
    expect(await faultsOf(broken)).not.toEqual([]);
  });

  it("tells what is received and sent, where, and how it is answered", async () => {
    const { document: parsed } = await new Parser().parse(JSON.stringify(document));
    const operations = parsed?.operations().all() ?? [];
    expect(operations.map((one) => [one.id(), one.action(), one.channels().all()[0]?.address()])).toEqual([
      ["orders.place", "receive", "orders.place"],
      ["orders.watch", "receive", "orders.watch"],
      ["orders.placed", "send", "orders.{region}.placed"],
      ["orders.ship", "receive", "orders.ship"],
      ["payments.captured", "send", "payments.captured"],
    ]);
    const place = operations[0];
    expect(
      place
        ?.reply()
        ?.messages()
        .all()
        .map((one) => one.name()),
    ).toEqual(["orders.place.reply", "orders.place.error.OUT_OF_STOCK", "orders.place.error.CLOSED"]);
    expect(place?.description()).toBe("Places an order");
    expect(place?.bindings().get("nats")?.value()).toMatchObject({ queue: "orders" });
    const input = place?.messages().all()[0]?.payload()?.json();
    // What the wire carries: a default may be left out by the sender.
    expect(input).toMatchObject({ required: ["sku"], properties: { qty: { type: "integer", minimum: 1 } } });
    const error = place?.reply()?.messages().all()[1]?.payload()?.json();
    expect(error).toMatchObject({
      properties: { code: { const: "OUT_OF_STOCK" }, data: { required: ["sku"] } },
    });
    expect(
      operations[2]
        ?.channels()
        .all()[0]
        ?.parameters()
        .all()
        .map((one) => one.id()),
    ).toEqual(["region"]);
  });

  it("takes title and version of a single contract", () => {
    expect(asyncApi([Payments]).info).toEqual({ title: "payments", version: "1.0.0" });
    expect(asyncApi([Orders, Payments]).info).toEqual({ title: "orders, payments", version: "1.0.0" });
  });
});
