import { connectNats, type NatsOptions } from "@ganglion/core/internal";
import { type TempDirectory, tempDirectory, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CertificateAuthority as Authority, type CertificateAuthority } from "../support/certificates.js";
import { startApp } from "../support/core-app.js";

describeBrokers("a connection over TLS", (start) => {
  let directory: TempDirectory;
  let authority: CertificateAuthority;
  let server: Awaited<ReturnType<CertificateAuthority["issue"]>>;
  beforeAll(async () => {
    directory = await tempDirectory();
    authority = await Authority.create(directory.path);
    server = await authority.issueForLocalhost();
  });
  afterAll(() => directory.remove());

  const config = (more = "") =>
    `tls { cert_file: "${server.certFile}", key_file: "${server.keyFile}", ca_file: "${authority.caFile}"${more} }`;
  const refusal = (options: NatsOptions) =>
    connectNats(options).then(
      () => expect.unreachable("it was made"),
      (error: unknown) => error,
    );

  it("is made when the server asks for it, and again after a restart", async () => {
    await using broker = await start({ config: config() });
    await using transport = await connectNats({
      servers: broker.url,
      tls: { caFile: authority.caFile },
      reconnectDelay: { min: 10, max: 50 },
    });
    const heard: string[] = [];
    transport.subscribe("x", { onMessage: (message) => heard.push(message.text()) });
    transport.publish("x", "a".repeat(100_000));
    await waitFor(() => heard.length === 1);
    await broker.restart();
    await waitFor(() => transport.connected);
    transport.publish("x", "again");
    await waitFor(() => heard.length === 2);
    expect(heard.map(({ length }) => length)).toEqual([100_000, 5]);
  });

  it("is refused with a certificate nobody vouches for, of another name, or when there is no TLS", async () => {
    await using broker = await start({ config: config() });
    expect(await refusal({ servers: broker.url })).toMatchObject({
      code: "CONNECTION_FAILED",
      message: expect.stringMatching(/self.signed certificate|unable to verify/),
    });
    const tls = { caFile: authority.caFile };
    const elsewhere = await authority.issue({
      subject: "CN=elsewhere",
      alternatives: [{ type: "dns", value: "elsewhere" }],
    });
    await using other = await start({
      config: `tls { cert_file: "${elsewhere.certFile}", key_file: "${elsewhere.keyFile}" }`,
    });
    expect(await refusal({ servers: other.url, tls })).toMatchObject({
      code: "CONNECTION_FAILED",
      message: expect.stringContaining("does not match certificate's altnames"),
    });
    await using plain = await start();
    expect(await refusal({ servers: plain.url, tls })).toMatchObject({
      code: "CONNECTION_FAILED",
      message: expect.stringContaining("offers no TLS, which was asked for"),
    });
  });

  it("proves who connects by a certificate, also from NATS_TLS_CA, NATS_TLS_CERT and NATS_TLS_KEY", async () => {
    await using broker = await start({ config: config(", verify: true") });
    const client = await authority.issue({ subject: "CN=client" });
    const without = await refusal({ servers: broker.url, tls: { caFile: authority.caFile } });
    expect(without).toMatchObject({ code: "CONNECTION_FAILED" });
    const variables = {
      NATS_URL: broker.url,
      NATS_TLS_CA: authority.caFile,
      NATS_TLS_CERT: client.certFile,
      NATS_TLS_KEY: client.keyFile,
    };
    Object.assign(process.env, variables);
    try {
      await using app = await startApp({});
      expect(app.health().ready).toBe(true);
    } finally {
      for (const name of Object.keys(variables)) delete process.env[name];
    }
  });
});
