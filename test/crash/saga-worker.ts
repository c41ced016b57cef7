// A process that runs the sagas of saga-fixture.ts until it is killed: node --import tsx saga-worker.ts <url>
import { flowApp } from "../support/flow-app.js";
import { Voyage } from "./saga-fixture.js";

const [url] = process.argv.slice(2);
setInterval(() => {}, 1_000); // stays alive while the broker is away
while (url !== undefined) {
  try {
    await flowApp({ services: [Voyage], url });
    process.stdout.write("ready\n");
    break;
  } catch (error) {
    process.stderr.write(`${error}\n`); // the broker is being restarted
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
