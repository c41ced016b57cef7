import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { describeBrokers } from "@ganglion/testing/vitest";
import { type ConnectionOptions, connect, type TlsOptions } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CertificateAuthority, type CertificateFiles } from "../support/certificates.js";
import { RawClient } from "../support/raw-client.js";

let directory = "";
let authority: CertificateAuthority;
let stranger: CertificateAuthority;
let server: CertificateFiles;
let alice: CertificateFiles;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-tls-"));
  authority = await CertificateAuthority.create(directory);
  server = await authority.issueForLocalhost();
  alice = await authority.issue({
    subject: "CN=alice, O=Example",
    alternatives: [{ type: "email", value: "alice@example.com" }],
  });
  stranger = await CertificateAuthority.create(mkdtempSync(join(directory, "stranger-")));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A configuration with a tls block. @param more - lines of the block. */
const withTls = (...more: string[]) =>
  ["tls {", `cert_file: "${server.certFile}"`, `key_file: "${server.keyFile}"`, ...more, "}"].join("\n");
const withVerify = (...more: string[]) => withTls(`ca_file: "${authority.caFile}"`, ...more);

const trusting = (files: Partial<CertificateFiles> = {}): TlsOptions => ({
  caFile: authority.caFile,
  ...files,
});

const codeOf = (error: unknown) => (error as { code?: string }).code;

/** Connects, makes a round trip, and returns what INFO said. */
async function roundTrip(options: ConnectionOptions) {
  const connection = await connect({ reconnect: false, ...options });
  try {
    await connection.flush();
    return connection.info;
  } finally {
    await connection.close();
  }
}

describeBrokers("TLS", (start, kind) => {
  it("comes after INFO, which requires it", async () => {
    await using broker = await start({ config: withTls() });
    const info = await roundTrip({ servers: broker.url, tls: trusting() });
    expect(info).toMatchObject({ tls_required: true });
    expect(info).not.toHaveProperty("tls_available");
    expect(info).not.toHaveProperty("tls_verify");
  });

  it("shows the certificate alone, without the authority of ca_file", async () => {
    await using broker = await start({ config: withVerify() });
    const attempt = roundTrip({ servers: broker.url, tls: {} });
    await expect(attempt).rejects.toMatchObject({ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
  });

  it("carries large messages in both directions", async () => {
    await using broker = await start({ config: withTls() });
    const connection = await connect({ servers: broker.url, tls: trusting() });
    const payload = new Uint8Array(1_000_000).map((_, i) => i % 251);
    const subscription = connection.subscribe("large", { max: 5 });
    for (let i = 0; i < 5; i++) connection.publish("large", payload);
    let count = 0;
    for await (const { data } of subscription) {
      expect(Buffer.compare(data, payload)).toBe(0);
      count++;
    }
    expect(count).toBe(5);
    await connection.close();
  });

  it("is not begun by a client that goes on in plain text: it is cut off", async () => {
    await using broker = await start({ config: withTls() });
    const client = await RawClient.open(broker.url);
    client.send("CONNECT {}\r\nPING\r\n");
    await client.closed();
    expect(client.received).toMatch(/^INFO [^\r]*"tls_required":true[^\r]*\r\n/);
    expect(client.received).not.toContain("PONG");
    if (kind === "embedded") expect(client.received).toContain("-ERR 'Secure Connection - TLS Required'\r\n");
  });

  it("cuts off a client that says nothing", async () => {
    await using broker = await start({ config: withTls("timeout: 0.2") });
    const client = await RawClient.open(broker.url);
    await client.closed();
    expect(client.received).toMatch(/^INFO /);
  });

  it("is a choice with allow_non_tls", async () => {
    await using broker = await start({ config: `${withTls()}\nallow_non_tls: true` });
    const info = await roundTrip({ servers: broker.url, tls: trusting() });
    expect(info).toMatchObject({ tls_available: true });
    expect(info).not.toHaveProperty("tls_required");
    const client = await RawClient.open(broker.url);
    client.send("CONNECT {}\r\nPING\r\n");
    await client.until(/PONG/);
    client.close();
  });

  it("has verify: only certificates of the known authority come in", async () => {
    await using broker = await start({ config: withVerify("verify: true") });
    const info = await roundTrip({ servers: broker.url, tls: trusting(alice) });
    expect(info).toMatchObject({ tls_required: true, tls_verify: true });
    await expect(roundTrip({ servers: broker.url, tls: trusting() })).rejects.toThrow();
    const foreign = await stranger.issue({ subject: "CN=alice" });
    await expect(roundTrip({ servers: broker.url, tls: trusting(foreign) })).rejects.toThrow();
    // The broker serves on.
    await roundTrip({ servers: broker.url, tls: trusting(alice) });
  });

  it("has verify_and_map: the certificate is the user", async () => {
    const users = `authorization { users: [
      { user: "alice@example.com" }
      { user: "CN=bob,O=Example" }
    ] }`;
    await using broker = await start({ config: `${withVerify("verify_and_map: true")}\n${users}` });
    const bob = await authority.issue({ subject: "CN=bob, O=Example" });
    const carol = await authority.issue({ subject: "CN=carol, O=Example" });
    await roundTrip({ servers: broker.url, tls: trusting(alice) });
    await roundTrip({ servers: broker.url, tls: trusting(bob) });
    const refused = await roundTrip({ servers: broker.url, tls: trusting(carol) }).catch(codeOf);
    expect(refused).toBe("AUTHORIZATION_VIOLATION");
  });

  it("has pinned_certs: only these keys come in", async () => {
    const key = new X509Certificate(readFileSync(alice.certFile)).publicKey;
    const pin = createHash("sha256")
      .update(key.export({ type: "spki", format: "der" }))
      .digest("hex");
    const config = withVerify("verify: true", `pinned_certs: ["${pin.toUpperCase()}"]`);
    await using broker = await start({ config });
    await roundTrip({ servers: broker.url, tls: trusting(alice) });
    const bob = await authority.issue({ subject: "CN=bob" });
    await expect(roundTrip({ servers: broker.url, tls: trusting(bob) })).rejects.toThrow();
  });

  it("has cipher suites, curves and, by default, TLS 1.2", async () => {
    const config = withTls(
      'cipher_suites: ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]',
      'curve_preferences: ["CurveP384"]',
    );
    await using broker = await start({ config });
    const negotiate = async (options: { maxVersion: "TLSv1.2" | "TLSv1.1"; ecdhCurve?: string }) => {
      const { port } = new URL(broker.url);
      const plain = connectPlain(Number(port), "127.0.0.1");
      await once(plain, "data");
      const ca = readFileSync(authority.caFile);
      const socket = connectTls({
        socket: plain,
        ca,
        host: "127.0.0.1",
        minVersion: "TLSv1",
        ...options,
      });
      try {
        return await new Promise<string>((resolve, reject) => {
          socket.once("secureConnect", () => resolve(socket.getCipher().standardName));
          socket.once("error", reject);
          socket.once("close", () => reject(new Error("closed")));
        });
      } finally {
        socket.destroy();
      }
    };
    expect(await negotiate({ maxVersion: "TLSv1.2" })).toBe("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    await expect(negotiate({ maxVersion: "TLSv1.2", ecdhCurve: "prime256v1" })).rejects.toThrow();
    await expect(negotiate({ maxVersion: "TLSv1.1" })).rejects.toThrow();
  });

  it("says plainly to a client beyond max_connections that it is one too many", async () => {
    await using broker = await start({ config: `${withTls()}\nmax_connections: 1` });
    const connection = await connect({ servers: broker.url, tls: trusting() });
    const client = await RawClient.open(broker.url);
    await client.closed();
    expect(client.received).toContain("-ERR 'maximum connections exceeded'\r\n");
    await connection.close();
  });

  it("does not start with files that cannot be used", async () => {
    const config = `tls { cert_file: "${join(directory, "nope.pem")}", key_file: "${server.keyFile}" }`;
    await expect(start({ config })).rejects.toMatchObject({
      code: "TEST_BROKER_START_FAILED",
      message: expect.stringContaining("nope.pem"),
    });
  });
});

describeBrokers(
  "TLS that comes first",
  (start) => {
    const first = (): TlsOptions => ({ ...trusting(), handshakeFirst: true });

    it("is spoken before INFO with handshake_first", async () => {
      await using broker = await start({ config: withTls("handshake_first: true") });
      expect(await roundTrip({ servers: broker.url, tls: first() })).toMatchObject({ tls_required: true });
    });

    it.each(["auto", "300ms"])("is a choice with handshake_first: %s", async (choice) => {
      await using broker = await start({ config: withTls(`handshake_first: ${choice}`) });
      expect(await roundTrip({ servers: broker.url, tls: first() })).toMatchObject({ tls_required: true });
      expect(await roundTrip({ servers: broker.url, tls: trusting() })).toMatchObject({ tls_required: true });
    });

    it("chooses among several certificates by the name that is asked for", async () => {
      const other = await authority.issue({
        subject: "CN=other",
        alternatives: [{ type: "dns", value: "other.example.com" }],
      });
      const pairs = [server, other].map(
        ({ certFile, keyFile }) => `{ cert_file: "${certFile}", key_file: "${keyFile}" }`,
      );
      await using broker = await start({
        config: `tls { certs: [${pairs.join(", ")}], handshake_first: true }`,
      });
      const subjectFor = (servername: string) =>
        new Promise<string>((resolve, reject) => {
          const { port } = new URL(broker.url);
          const socket = connectTls({
            port: Number(port),
            host: "127.0.0.1",
            servername,
            rejectUnauthorized: false,
          });
          socket.once("secureConnect", () => {
            resolve(socket.getPeerX509Certificate()?.subject ?? "");
            socket.destroy();
          });
          socket.once("error", reject);
        });
      expect(await subjectFor("localhost")).toBe("CN=localhost");
      expect(await subjectFor("other.example.com")).toBe("CN=other");
      expect(await subjectFor("unknown.example.com")).toBe("CN=localhost");
    });
  },
  // nats-server has it since 2.10.
  { kinds: ["embedded"] },
);
