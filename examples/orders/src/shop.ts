import { join } from "node:path";
import { type App, type AppOptions, createApp } from "@ganglion/core";
import type { Logger } from "@ganglion/kernel";
import { Checkout } from "./checkout.js";
import { Ledger } from "./ledger.js";
import { OrderSummary } from "./order-summary.js";
import { InventoryService } from "./services/inventory-service.js";
import { OrderDesk, OrdersService } from "./services/orders-service.js";
import { PaymentsService } from "./services/payments-service.js";
import { ShippingService } from "./services/shipping-service.js";
import type { Telemetry } from "./telemetry.js";

/** What the services run on. */
export interface Surroundings {
  /** Address of the NATS server. */
  readonly url: string;
  /** Directory of the ledgers. */
  readonly ledgerDir: string;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** Those who do the work of an order, each with a ledger of its own. */
const PARTICIPANTS = {
  inventory: InventoryService,
  payments: PaymentsService,
  shipping: ShippingService,
} as const;

/**
 * The four services. Here they share a process, but each is an application with a connection of its own, and they
 * know of each other nothing but the contracts.
 */
export class Shop implements AsyncDisposable {
  private readonly apps: App[] = [];
  private readonly ledgers: Ledger[] = [];
  private ordersApp: App | undefined;

  private constructor(private readonly surroundings: Surroundings) {}

  static async open(surroundings: Surroundings): Promise<Shop> {
    const shop = new Shop(surroundings);
    try {
      for (const [name, service] of Object.entries(PARTICIPANTS)) {
        const ledger = await Ledger.open(join(surroundings.ledgerDir, `${name}.jsonl`));
        shop.ledgers.push(ledger);
        await shop.start(name, { services: [service], providers: [{ provide: Ledger, useValue: ledger }] });
      }
      await shop.startOrders();
      return shop;
    } catch (error) {
      await shop[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The application of the orders service: it runs the saga and the projection too. */
  get orders(): App {
    return this.ordersApp as App; // `open` has started it
  }

  /** Stops the services in the order opposite to their start: orders first, so that its calls are still answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const app of this.apps.reverse()) await app.stop();
    for (const ledger of this.ledgers) await ledger.close();
  }

  private async startOrders(): Promise<void> {
    const desk: OrderDesk = {
      checkOut: (order) => this.orders.sagas(Checkout).start({ id: order.orderId, input: order }),
      find: (orderId) => this.orders.projections(OrderSummary).get(orderId),
    };
    this.ordersApp = await this.start("orders", {
      services: [OrdersService, Checkout, OrderSummary],
      providers: [{ provide: OrderDesk, useValue: desk }],
    });
  }

  private async start(name: string, options: AppOptions): Promise<App> {
    const { url, telemetry, logger } = this.surroundings;
    const { observer } = await telemetry.service(name);
    const app = await createApp({
      name,
      nats: url,
      observer,
      logger: logger.child({ app: name }),
      ...options,
    });
    this.apps.push(app);
    await app.start();
    return app;
  }
}
