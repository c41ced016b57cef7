import { randomUUID } from "node:crypto";
import { ErrorCode, type NatsConnection, type NatsError } from "nats";
import type { Figures } from "./orders-example.js";
import { COMPENSATED, CONFIRMED, effectsByOrder } from "./orders-example.js";

const PLACED_AT_ONCE = 6;

/** Customers who place orders, each again with the same id until it is accepted. */
export class Customers {
  readonly accepted: string[] = [];
  private begun = 0;
  private stopped = false;
  private waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  /** Requests that somebody took and nobody answered. */
  unanswered = 0;

  constructor(
    private readonly total: number,
    private connection: NatsConnection,
  ) {}

  /** The server is reached in another way now. */
  moveTo(connection: NatsConnection): void {
    this.connection = connection;
  }

  async placeAll(): Promise<void> {
    await Promise.all(Array.from({ length: PLACED_AT_ONCE }, () => this.placeSome()));
  }

  /** Resolves when `count` orders have been accepted. */
  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { count, resolve };
      this.tell();
    });
  }

  stop(): void {
    this.stopped = true;
  }

  private async placeSome(): Promise<void> {
    while (this.begun < this.total && !this.stopped) {
      const number = ++this.begun;
      const order = {
        orderId: randomUUID(),
        customer: "Ada",
        sku: "lamp",
        quantity: 1,
        card: number % 4 === 0 ? "4000" : "4242",
        city: number % 7 === 0 ? "Atlantis" : "Zurich",
      };
      while (!(await this.tryToPlace(order)) && !this.stopped);
      this.accepted.push(order.orderId);
      this.tell();
    }
  }

  private async tryToPlace(order: { readonly orderId: string }): Promise<boolean> {
    try {
      const reply = await this.connection.request("orders.place", JSON.stringify(order), { timeout: 1_000 });
      return (
        reply.headers?.get("Nats-Service-Error") === undefined ||
        reply.headers.get("Nats-Service-Error") === ""
      );
    } catch (error) {
      if ((error as NatsError).code === ErrorCode.Timeout) this.unanswered++;
      await new Promise((resolve) => setTimeout(resolve, 50)); // nobody there, or no answer: again
      return false;
    }
  }

  private tell(): void {
    if (this.waiting !== undefined && this.accepted.length >= this.waiting.count) this.waiting.resolve();
  }
}

/**
 * How the accepted orders ended, by what the participants did.
 *
 * @throws Error naming orders that ended in between, or where something was done twice.
 */
export async function endsOf(store: string, accepted: readonly string[]): Promise<Figures["orders"]> {
  const effects = await effectsByOrder(store);
  const kinds = accepted.map((orderId) => effects.get(orderId) ?? []);
  const wrong = kinds.filter((kind) => !isOneOf(kind, [CONFIRMED, ...COMPENSATED]));
  if (wrong.length > 0) throw new Error(`neither confirmed nor compensated: ${JSON.stringify(wrong)}`);
  const confirmed = kinds.filter((kind) => isOneOf(kind, [CONFIRMED])).length;
  return { confirmed, compensated: kinds.length - confirmed };
}

function isOneOf(kinds: readonly string[], allowed: readonly (readonly string[])[]): boolean {
  return allowed.some((expected) => expected.join() === kinds.join());
}
