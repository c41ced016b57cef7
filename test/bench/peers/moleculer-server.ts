import type { Context } from "moleculer";
import { output } from "../rpc/job.js";
import { ready } from "../rpc/measure.js";
import { createBroker } from "./moleculer-broker.js";

const broker = createBroker(process.argv[2] ?? "", { nodeID: "server" });
broker.createService({
  name: "bench",
  actions: {
    place: async (ctx: Context<{ quantity: number }>) => output(ctx.params.quantity),
  },
});
await broker.start();
ready();
