import { AckPolicy, connect } from "nats";
import { Counter } from "../counter.js";
import { onJob } from "../measure.js";

onJob(async (job) => {
  const connection = await connect({ servers: job.url });
  const durable = `reader-${process.pid}`;
  const manager = await connection.jetstreamManager();
  await manager.consumers.add("bench-events", { durable_name: durable, ack_policy: AckPolicy.Explicit });
  const consumer = await connection.jetstream().consumers.get("bench-events", durable);
  const counter = new Counter();
  await consumer.consume({
    max_messages: 512,
    callback: (message) => {
      message.headers?.get("traceparent");
      if (message.json<{ quantity: number }>().quantity > 0) counter.add();
      message.ack();
    },
  });
  return counter.measure(job);
});
