import { connect } from "nats";
import { output } from "../job.js";
import { ready } from "../measure.js";

const connection = await connect({ servers: process.argv[2] ?? "" });
const service = await connection.services.add({ name: "bench", version: "1.0.0", queue: "bench" });
service.addEndpoint("place", {
  subject: "bench.place",
  handler: (error, message) => {
    if (error !== null) return;
    message.headers?.get("traceparent");
    const { quantity } = message.json<{ quantity: number }>();
    message.respond(JSON.stringify(output(quantity)));
  },
});
await connection.flush();
ready();
