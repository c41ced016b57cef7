import { connect, headers } from "nats";
import { INPUT, TRACEPARENT } from "../job.js";
import { onJob, repeat } from "../measure.js";

onJob(async (job) => {
  const connection = await connect({ servers: job.url });
  return repeat(job, async () => {
    const carried = headers();
    carried.set("traceparent", TRACEPARENT);
    carried.set("Ganglion-Deadline", "5000");
    const reply = await connection.request("bench.place", JSON.stringify(INPUT), {
      timeout: 5_000,
      headers: carried,
    });
    return reply.json();
  });
});
