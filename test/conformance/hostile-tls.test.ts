import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestBroker, type TestBroker } from "@ganglion/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CertificateAuthority } from "../support/certificates.js";
import { HealthyClient } from "./fuzz/healthy-client.js";

const directory = mkdtempSync(join(tmpdir(), "ganglion-hostile-tls-"));
let broker: TestBroker;

beforeAll(async () => {
  const { certFile, keyFile } = await (await CertificateAuthority.create(directory)).issueForLocalhost();
  // Clients without TLS may come too: the healthy one is such a client.
  const config = `tls { cert_file: "${certFile}", key_file: "${keyFile}", timeout: 1 }\nallow_non_tls: true`;
  broker = await startTestBroker({ kind: "broker-process", jetstream: false, config });
});

afterAll(async () => {
  await broker.close();
  rmSync(directory, { recursive: true });
});

/** Sends bytes after INFO. @returns whether the server closed the connection. */
function isClosedAfter(bytes: Uint8Array): Promise<boolean> {
  const { hostname, port } = new URL(broker.url);
  const socket: Socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => {}); // a reset is an end as well
  socket.once("data", () => socket.write(bytes));
  socket.resume();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(false);
    }, 10_000);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** Beginnings of a handshake that goes wrong, or does not go on. */
const HANDSHAKES: readonly Uint8Array[] = [
  Buffer.from([0x16, 0x03, 0x01]),
  Buffer.from([0x16, 0x03, 0x01, 0x40, 0x00]),
  Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x00, 0x10]), randomBytes(16)]),
  Buffer.concat([Buffer.from([0x16, 0x03, 0x03, 0x40, 0x00]), randomBytes(20_000)]),
  Buffer.concat([Buffer.from([0x16]), randomBytes(500)]),
  Buffer.from([0x80, 0x2e, 0x01, 0x03, 0x01]),
  randomBytes(300).fill(0x15, 0, 1),
];

test("handshakes of TLS that go wrong or stop are closed, and others are served meanwhile", async () => {
  const healthy = await HealthyClient.open(broker.url);
  const closed = await Promise.all(
    Array.from({ length: 70 }, (_, index) =>
      isClosedAfter(HANDSHAKES[index % HANDSHAKES.length] ?? Buffer.of()),
    ),
  );
  expect(closed).not.toContain(false);
  expect((await healthy.stop()).messages).toBeGreaterThan(1);
}, 30_000);
