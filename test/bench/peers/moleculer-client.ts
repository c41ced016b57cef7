import { INPUT, TRACEPARENT } from "../rpc/job.js";
import { onJob, repeat } from "../rpc/measure.js";
import { createBroker } from "./moleculer-broker.js";

onJob(async (job) => {
  const broker = createBroker(job.url, { nodeID: "client" });
  await broker.start();
  await broker.waitForServices("bench");
  return repeat(job, () => broker.call("bench.place", INPUT, { meta: { traceparent: TRACEPARENT } }));
});
