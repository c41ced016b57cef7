import type { RebuildProgress } from "@ganglion/eventsourcing";
import type { OrderSummary } from "./contracts/orders.js";
import { formatBar, formatTable } from "./text.js";

/** Rows of the order table; older orders are only counted. */
const MAX_ROWS = 30;

/** Writes what a run does for people to read. Progress is drawn in place on a terminal, and once at its end elsewhere. */
export class Report {
  private lastProgress = "";

  constructor(private readonly out: NodeJS.WriteStream) {}

  line(text = ""): void {
    this.out.write(`${text}\n`);
  }

  /** Draws progress. It is over when `done` reaches `total`; calls after that with the same `what` do nothing. */
  progress(
    what: string,
    { done, total }: { readonly done: number; readonly total: number },
    detail = "",
  ): void {
    const end = done >= total;
    if (end && this.lastProgress === what) return;
    this.lastProgress = end ? what : "";
    const text = `${what.padEnd(20)} ${formatBar(done, total)} ${detail}`.trimEnd();
    if (this.out.isTTY) this.out.write(`\r${text}\u001b[K${end ? "\n" : ""}`);
    else if (end) this.line(text);
  }

  rebuild({ percent, events, eventsPerSecond }: RebuildProgress): void {
    const detail = `% ${events} events, ${Math.round(eventsPerSecond)} events/s`;
    this.progress("rebuilding by replay", { done: Math.floor(percent), total: 100 }, detail);
  }

  orders(rows: readonly OrderSummary[]): void {
    const shown = rows.slice(-MAX_ROWS);
    this.line();
    if (shown.length < rows.length) this.line(`the last ${shown.length} of ${rows.length} orders:`);
    this.line(
      formatTable(
        ["order", "customer", "item", "qty", "total", "status", "why"],
        shown.map((row) => [
          row.orderId.slice(0, 8),
          row.customer,
          row.sku,
          row.quantity,
          (row.totalCents / 100).toFixed(2),
          row.status,
          row.reason,
        ]),
      ),
    );
  }

  /** How to use the services from elsewhere. */
  invitation(url: string): void {
    const body = '{"customer":"Ada","sku":"lamp","quantity":1,"card":"4242","city":"Zurich"}';
    this.line();
    this.line("The services stay up. Call them with the nats command line:");
    this.line(`  nats --server ${url} request orders.place '${body}'`);
    this.line("or from TypeScript:");
    this.line(`  const app = await createApp({ nats: "${url}" });`);
    this.line("  await app.start();");
    this.line(
      `  await app.client(Orders).place(${body.replaceAll(/"(\w+)":/g, "$1: ").replaceAll(",", ", ")});`,
    );
    this.line("Ctrl-C stops them.");
  }
}
