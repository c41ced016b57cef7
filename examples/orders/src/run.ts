import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { App } from "@ganglion/core";
import { Checkout } from "./checkout.js";
import type { OrderSummary as OrderRow } from "./contracts/orders.js";
import type { Options } from "./options.js";
import { OrderSummary } from "./order-summary.js";
import { type PlacedOrder, placeOrders } from "./place-orders.js";
import type { Report } from "./report.js";
import { openServer } from "./server.js";
import { Shop } from "./shop.js";
import { stderrLogger } from "./stderr-logger.js";
import { Telemetry } from "./telemetry.js";

/** Sagas and rows that are read at most. */
const MAX_READ = 1_000_000;
/** How often the journal and the read model are looked at while orders are under way. */
const POLL_MS = 50;

/** The figures of a run, over all orders in its store. */
export interface Figures {
  readonly orders: { readonly confirmed: number; readonly compensated: number };
  /** `rebuilt`: replay has made the same rows as were there before. */
  readonly projection: { readonly events: number; readonly rebuilt: boolean };
  readonly spans: number;
}

/** How a run talks to the outside. */
export interface RunPorts {
  readonly report: Report;
  /** Aborted to stop in order. */
  readonly stop: AbortSignal;
}

/** Runs the shop: places orders, sees them through, rebuilds the read model, and stays up unless told otherwise. */
export async function run(options: Options, ports: RunPorts): Promise<Figures> {
  const { report, stop } = ports;
  await using server = await openServer(options);
  await using telemetry = new Telemetry(options.otlp);
  const { url } = server;
  const surroundings = { url, ledgerDir: `${options.store}/ledgers`, telemetry, logger: stderrLogger() };
  await using shop = await Shop.open(surroundings);
  report.line(`Ganglion orders on ${server.description}`);

  const placed = await placeOrders(options.orders, surroundings, ports);
  await finishSagas(shop.orders, ports);
  const before = await settledRows(shop.orders, ports);
  const { events } = await shop.orders.projections(OrderSummary).rebuild({
    restart: true,
    signal: stop,
    onProgress: (progress) => report.rebuild(progress),
  });
  const rows = await readRows(shop.orders);

  report.orders(rows);
  showTrace(rows, placed, { report, telemetry });
  const figures = {
    orders: { confirmed: countOf(rows, "confirmed"), compensated: countOf(rows, "compensated") },
    projection: { events, rebuilt: isDeepStrictEqual(rows, before) },
    spans: telemetry.spanCount,
  };
  if (options.json) report.line(JSON.stringify(figures));
  if (!options.once) {
    report.invitation(url);
    await aborted(stop);
    report.line("stopping");
  }
  return figures;
}

/** Waits until no saga is under way, those of earlier runs included: they go on by themselves. */
async function finishSagas(app: App, { report, stop }: RunPorts): Promise<void> {
  const sagas = app.sagas(Checkout);
  for (;;) {
    const all = await sagas.list({ limit: MAX_READ, signal: stop });
    const stuck = all.filter(({ status }) => status === "stuck");
    if (stuck.length > 0) {
      const reasons = await Promise.all(
        stuck.map(async ({ id }) => `${id} (${(await sagas.get(id))?.stuck})`),
      );
      throw new Error(`stuck: ${reasons.join(", ")}`);
    }
    const done = all.filter(({ status }) => status === "completed" || status === "compensated").length;
    report.progress("checking out", { done, total: all.length });
    if (done === all.length) return;
    await pause(POLL_MS, undefined, { signal: stop });
  }
}

/** The rows once the read model has caught up with the sagas. */
async function settledRows(app: App, { stop }: RunPorts): Promise<readonly OrderRow[]> {
  for (;;) {
    const rows = await readRows(app);
    if (countOf(rows, "placed") === 0) return rows;
    await pause(POLL_MS, undefined, { signal: stop });
  }
}

async function readRows(app: App): Promise<readonly OrderRow[]> {
  const rows = await app.projections(OrderSummary).list({ limit: MAX_READ });
  return rows.map(({ value }) => value);
}

function countOf(rows: readonly OrderRow[], status: OrderRow["status"]): number {
  return rows.filter((row) => row.status === status).length;
}

/** Draws the trace of one order of this run that was compensated. */
function showTrace(
  rows: readonly OrderRow[],
  placed: readonly PlacedOrder[],
  { report, telemetry }: { readonly report: Report; readonly telemetry: Telemetry },
): void {
  const compensated = new Set(rows.filter((row) => row.status === "compensated").map((row) => row.orderId));
  const order = placed.find(({ orderId }) => compensated.has(orderId));
  if (order === undefined) return;
  report.line(`\nthe trace of order ${order.orderId}, which was compensated:`);
  report.line(telemetry.memory.formatSpanTree(order.traceId));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
