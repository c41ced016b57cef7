import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connectNats } from "@ganglion/core/internal";
import { type TempDirectory, type TestBroker, tempDirectory, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp } from "../support/core-app.js";
import { TestOperator } from "../support/credentials.js";

describeBrokers("credentials of an operator's user", (start) => {
  const operator = new TestOperator();
  let broker: TestBroker;
  let directory: TempDirectory;
  let credentialsFile: string;
  beforeAll(async () => {
    broker = await start({ config: operator.config, jetstream: false });
    directory = await tempDirectory();
    credentialsFile = join(directory.path, "user.creds");
    await writeFile(credentialsFile, operator.credentials());
  });
  afterAll(async () => {
    await broker.close();
    await directory.remove();
  });

  it("let in by file, by content, and by NATS_CREDS", async () => {
    await using byFile = await connectNats({ servers: broker.url, authentication: { credentialsFile } });
    await using byContent = await connectNats({
      servers: broker.url,
      authentication: { credentials: operator.credentials() },
    });
    const heard: string[] = [];
    byContent.subscribe("hello", { onMessage: (message) => heard.push(message.text()) });
    await byContent.flush();
    byFile.publish("hello", "from a file");
    await waitFor(() => heard.length === 1);
    expect(heard).toEqual(["from a file"]);

    process.env.NATS_URL = broker.url;
    process.env.NATS_CREDS = credentialsFile;
    try {
      await using app = await startApp({});
      expect(app.health()).toEqual({ live: true, ready: true, problems: [] });
    } finally {
      delete process.env.NATS_URL;
      delete process.env.NATS_CREDS;
    }
  });

  it("carry permissions, and are read anew for each connect", async () => {
    await writeFile(credentialsFile, operator.credentials({ pub: { deny: ["forbidden"] } }));
    await using transport = await connectNats({
      servers: broker.url,
      authentication: { credentialsFile },
      reconnectDelay: { min: 10, max: 50 },
    });
    const errors: Error[] = [];
    transport.onStatus((status) => {
      if (status.type === "error" && status.error !== undefined) errors.push(status.error);
    });
    transport.publish("forbidden", "");
    await waitFor(() => errors.length > 0);
    expect(errors).toMatchObject([{ code: "PERMISSION_DENIED" }]);

    await writeFile(credentialsFile, operator.credentials());
    await broker.restart();
    await waitFor(() => transport.connected);
    errors.length = 0;
    transport.publish("forbidden", "");
    await transport.flush();
    expect(errors).toEqual([]);
  });

  it("are refused when another operator signed them, are damaged, or are not there", async () => {
    const refusal = (authentication: object) =>
      connectNats({ servers: broker.url, authentication: authentication as never }).then(
        () => expect.unreachable("it was let in"),
        (error: unknown) => error,
      );
    const stranger = new TestOperator().credentials();
    expect(await refusal({ credentials: stranger })).toMatchObject({
      code: "CONNECTION_FAILED",
      message: expect.stringContaining("Authorization Violation"),
    });
    const damaged = stranger.slice(0, stranger.indexOf("IMPORTANT"));
    expect(await refusal({ credentials: damaged })).toMatchObject({
      cause: { code: "INVALID_CREDENTIALS", message: expect.stringContaining("JWT and an nkey seed") },
    });
    expect(await refusal({ credentialsFile: join(directory.path, "none.creds") })).toMatchObject({
      cause: { code: "INVALID_CREDENTIALS", message: expect.stringContaining("cannot be read") },
    });
  });
});
