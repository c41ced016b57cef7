// A process that rebuilds a projection until it is killed: node --import tsx projection-worker.ts <url> <speed>
import { flowApp } from "../support/flow-app.js";
import { Totals } from "./projection-fixture.js";

const [url, live] = process.argv.slice(2);
setInterval(() => {}, 1_000); // stays alive while the broker is away
if (url !== undefined) {
  const app = await flowApp({ services: [Totals], url });
  process.stdout.write("ready\n");
  while (live === undefined) {
    try {
      await app.projections(Totals).rebuild();
      process.stdout.write("rebuilt\n");
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20)); // another process rebuilds, or the broker is away
    }
  }
}
