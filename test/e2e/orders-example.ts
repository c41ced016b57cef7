import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NodeProcess } from "../support/node-process.js";

/** The last line of the orders example with `--json`. */
export interface Figures {
  readonly orders: { readonly confirmed: number; readonly compensated: number };
  readonly projection: { readonly events: number; readonly rebuilt: boolean };
  readonly spans: number;
}

/** Starts the built orders example. */
export function startOrders(...args: readonly string[]): NodeProcess {
  return NodeProcess.start("examples/orders/dist/main.js", args);
}

/** Runs the orders example to its end and returns its figures. */
export async function runOrders(...args: readonly string[]): Promise<Figures> {
  await using example = startOrders("--once", "--json", ...args);
  return await example.lastLine<Figures>();
}

/** Runs it may take until a saga has begun whose start an earlier process took and gave back. */
const MAX_RUNS = 10;

/**
 * Runs the orders example until `total` orders of earlier runs have ended, and returns the last figures. A run waits for
 * the sagas that have begun; a start that a killed or stopped process had taken comes again a moment later.
 */
export async function finishOrders(total: number, ...args: readonly string[]): Promise<Figures> {
  for (let run = 1; ; run++) {
    const figures = await runOrders(...args);
    if (figures.orders.confirmed + figures.orders.compensated >= total || run === MAX_RUNS) return figures;
  }
}

/** An entry of a participant's ledger. */
export interface Effect {
  readonly key: string;
  readonly kind: "reserve" | "release" | "charge" | "refund" | "ship" | "void";
  readonly orderId: string;
}

/** What the participants did, by order: `{ o1: ["reserve", "charge", "ship"] }`, in the order of the services. */
export async function effectsByOrder(store: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const effects = new Map<string, string[]>();
  for (const service of ["inventory", "payments", "shipping"]) {
    const text = await readFile(join(store, "ledgers", `${service}.jsonl`), "utf8");
    for (const line of text.trimEnd().split("\n").filter(Boolean)) {
      const { kind, orderId } = JSON.parse(line) as Effect;
      if (kind !== "void") effects.set(orderId, [...(effects.get(orderId) ?? []), kind]);
    }
  }
  return effects;
}

/** What the participants of an order that was confirmed did. */
export const CONFIRMED = ["reserve", "charge", "ship"];
/** What the participants of a compensated order may have done: each effect is undone. */
export const COMPENSATED = [[], ["reserve", "release"], ["reserve", "release", "charge", "refund"]];
