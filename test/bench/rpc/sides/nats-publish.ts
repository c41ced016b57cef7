import { connect, headers } from "nats";
import { INPUT, TRACEPARENT } from "../job.js";
import { onJob, repeat } from "../measure.js";

onJob(async (job) => {
  const connection = await connect({ servers: job.url });
  const jetstream = connection.jetstream();
  let count = 0;
  return repeat(job, () => {
    const carried = headers();
    carried.set("traceparent", TRACEPARENT);
    return jetstream.publish("bench.placed", JSON.stringify(INPUT), {
      msgID: `${process.pid}-${count++}`,
      headers: carried,
    });
  });
});
