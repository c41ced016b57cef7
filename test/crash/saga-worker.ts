// A process that runs the sagas of saga-fixture.ts until it is killed: node --import tsx saga-worker.ts <url>
import { componentApp } from "../support/component-app.js";
import { connection, Voyage } from "./saga-fixture.js";

const [url] = process.argv.slice(2);
setInterval(() => {}, 1_000); // stays alive while the broker is away
while (url !== undefined) {
  try {
    const { transport } = await componentApp({
      services: [Voyage],
      url,
      onConnected: (connected) => {
        connection.transport = connected;
      },
    });
    process.stdout.write(`ready on ${transport.server.version}\n`);
    break;
  } catch (error) {
    process.stderr.write(`${error}\n`); // the broker is being restarted
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
