import "reflect-metadata";
import { ClientProxyFactory, NatsRecordBuilder, Transport } from "@nestjs/microservices";
import { headers } from "nats";
import { lastValueFrom, timeout } from "rxjs";
import { INPUT, TRACEPARENT } from "../rpc/job.js";
import { onJob, repeat } from "../rpc/measure.js";

onJob(async (job) => {
  const client = ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [job.url] } });
  await client.connect();
  return repeat(job, () => {
    const carried = headers();
    carried.set("traceparent", TRACEPARENT);
    carried.set("Ganglion-Deadline", "5000");
    const record = new NatsRecordBuilder(INPUT).setHeaders(carried).build();
    return lastValueFrom(client.send("bench.place", record).pipe(timeout(5_000)));
  });
});
