import { createApp, type DataOut, Service, Subscriber } from "@ganglion/core";
import { Counter } from "../counter.js";
import { onJob } from "../measure.js";
import { Shop } from "./ganglion-contract.js";

const counter = new Counter();

@Service("bench-reader")
class Reader {
  @Subscriber(Shop.placed, { durable: `reader-${process.pid}`, concurrency: 256 })
  onPlaced(event: DataOut<typeof Shop.placed>) {
    if (event.quantity > 0) counter.add();
  }
}

onJob(async (job) => {
  const app = await createApp({ services: [Reader], nats: job.url });
  await app.start();
  return counter.measure(job);
});
