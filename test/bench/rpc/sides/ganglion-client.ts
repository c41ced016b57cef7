import { createApp } from "@ganglion/core";
import { INPUT, TRACEPARENT } from "../job.js";
import { onJob, repeat } from "../measure.js";
import { Shop } from "./ganglion-contract.js";

onJob(async (job) => {
  const app = await createApp({ name: "bench-client", nats: job.url });
  await app.start();
  const { place } = app.client(Shop);
  const options = { headers: [["traceparent", TRACEPARENT]] as const };
  return repeat(job, () => place(INPUT, options));
});
