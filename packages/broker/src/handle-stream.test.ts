import { once } from "node:events";
import { Duplex, duplexPair } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { startBroker } from "./broker.js";

test("handle serves a client over any stream, and ends with it", async () => {
  const broker = await startBroker({ authorization: { token: "t" } });
  onTestFinished(() => broker.close());
  const [client, server] = duplexPair();
  const gone = new Promise((resolve) => broker.on("disconnect", resolve));
  broker.handle(server, { host: "tunnel", port: 7 });
  let received = "";
  client.on("data", (chunk) => (received += chunk));
  client.write('CONNECT {"auth_token":"t","name":"far"}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
  await expect.poll(() => received).toMatch(/MSG a 1 2\r\nhi\r\nPONG/);
  expect(received).toContain('"client_ip":"tunnel"');
  client.end();
  expect(await gone).toMatchObject({
    client: { name: "far", host: "tunnel", port: 7 },
    reason: "Client Closed",
  });
});

test("handle survives a stream that fails, and destroys one that comes too late", async () => {
  const broker = await startBroker();
  const broken = new Duplex({
    read() {},
    write: (_chunk, _encoding, callback) => callback(new Error("broken")),
  });
  broker.handle(broken);
  await expect.poll(() => broken.destroyed).toBe(true);
  expect(broker.statistics().connections).toBe(0);
  await broker.close();
  const [client, server] = duplexPair();
  broker.handle(server);
  if (!server.closed) await once(server, "close");
  expect(server.destroyed).toBe(true);
  client.destroy();
});
