import { readFileSync } from "node:fs";
import { startBroker } from "@ganglion/broker";
import { AckPolicy, connect } from "nats";
import { expect, test } from "vitest";

const page = readFileSync(new URL("../../docs/reference/monitoring.md", import.meta.url), "utf8");

/** What stands in backquotes in the first column of the page's tables. */
function documented(pattern: RegExp): string[] {
  return [...page.matchAll(/^\| `([^`]+)`/gm)]
    .map(([, name = ""]) => name)
    .filter((name) => pattern.test(name));
}

test("docs/reference/monitoring.md lists the endpoints and metrics there are, and no others", async () => {
  await using broker = await startBroker({ jetstream: true, httpPort: -1 });
  const connection = await connect({ servers: broker.url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: "S", subjects: ["s"] });
  await manager.consumers.add("S", { durable_name: "C", ack_policy: AckPolicy.Explicit });

  const metrics = await (await fetch(`${broker.monitoringUrl}/metrics`)).text();
  const served = [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  const types = new Map(
    [...page.matchAll(/^\| `(ganglion_\w+)`\s*\| (\w+)/gm)].map(([, name, type]) => [name, type]),
  );
  expect(
    documented(/^ganglion_/)
      .map((name) => `${name} ${types.get(name)}`)
      .sort(),
  ).toEqual(served.sort());

  const root = await (await fetch(`${broker.monitoringUrl}/`)).text();
  const links = [...root.matchAll(/href="([^"]+)"/g)].map(([, path]) => path);
  expect(documented(/^\/./).sort()).toEqual(links.sort());
  await connection.close();
});
