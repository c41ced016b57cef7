import { PRICES_CENTS } from "./catalog.js";
import type { OrderRequest } from "./contracts/orders.js";

const CUSTOMERS = ["Ada", "Grace", "Edsger", "Barbara", "Tony"];
const SKUS = Object.keys(PRICES_CENTS);

/** Every how manieth order has a card the bank declines, and every how manieth a city nobody delivers to. */
const DECLINED_EVERY = 4;
const UNDELIVERABLE_EVERY = 7;

/**
 * The orders of a run: most go through, some fail at payment, some at shipping.
 *
 * @param index - 0 for the first.
 */
export function sampleOrder(index: number): OrderRequest {
  const number = index + 1;
  return {
    customer: CUSTOMERS[index % CUSTOMERS.length] ?? "",
    sku: SKUS[index % SKUS.length] ?? "",
    quantity: 1 + (index % 3),
    card: number % DECLINED_EVERY === 0 ? "4000" : "4242",
    city: number % UNDELIVERABLE_EVERY === 0 ? "Atlantis" : "Zurich",
  };
}
