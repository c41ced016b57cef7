import { createApp, Handler, type HandlerContext, type In, Service } from "@ganglion/core";
import { output } from "../job.js";
import { ready } from "../measure.js";
import { Shop } from "./ganglion-contract.js";

@Service(Shop)
class ShopService {
  @Handler(Shop.place)
  async place(input: In<typeof Shop.place>, _ctx: HandlerContext<typeof Shop.place>) {
    const { id, total, lines } = output(input.quantity);
    return { id, status: "accepted" as const, total, lines };
  }
}

const app = await createApp({ services: [ShopService], nats: process.argv[2] ?? "" });
await app.start();
ready();
