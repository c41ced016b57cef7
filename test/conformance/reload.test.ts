import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { connect as connectTls } from "node:tls";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CertificateAuthority } from "../support/certificates.js";
import { RawClient } from "../support/raw-client.js";

let directory = "";
let logFile = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-reload-"));
  logFile = join(directory, "broker.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Writes what the configuration of the broker includes. */
function write(...lines: readonly string[]): void {
  const path = join(directory, "changing.conf");
  // A broker that reads just now must not see half of it.
  writeFileSync(`${path}.new`, [...lines, `log_file: "${logFile}"`].join("\n"));
  renameSync(`${path}.new`, path);
}

const included = () => `include "../${basename(directory)}/changing.conf"`;
const log = () => readFileSync(logFile, "utf8");
const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

/** Sends SIGHUP, and waits until the broker has told what came of it. */
async function reload({ pid }: TestBroker): Promise<string> {
  const outcome = /Reloaded server configuration|Failed to reload/g;
  const before = count(log(), outcome);
  const start = log().length;
  process.kill(Number(pid), "SIGHUP");
  await waitFor(() => count(log(), outcome) > before);
  return log().slice(start);
}

async function client(broker: TestBroker, options: Record<string, unknown> = {}): Promise<RawClient> {
  const raw = await RawClient.open(broker.url);
  raw.send(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, protocol: 1, ...options })}\r\n`);
  await raw.sync();
  return raw;
}

const withUsers = (users: string) => `authorization { users: [ ${users} ] }`;
const ALICE = "{ user: alice, password: a }";
const BOB = "{ user: bob, password: b }";
const alice = { user: "alice", pass: "a" };
const bob = { user: "bob", pass: "b" };

describeBrokers(
  "reload",
  (start, kind) => {
    const open = () => start({ jetstream: false, config: included() });

    describe("of users", () => {
      it("closes the connections of users that are gone, and lets new ones in", async () => {
        write(withUsers(ALICE));
        await using broker = await open();
        const gone = await client(broker, alice);
        write(withUsers(BOB));
        expect(await reload(broker)).toContain("Reloaded: authorization");
        await gone.closed();
        // nats-server leaves it to the next attempt to say so.
        if (kind === "broker-process") expect(gone.received).toContain("-ERR 'Authorization Violation'\r\n");
        (await client(broker, bob)).close();
        const again = await RawClient.open(broker.url);
        again.send(`CONNECT ${JSON.stringify(alice)}\r\nPING\r\n`);
        await again.closed();
        expect(again.received).not.toContain("PONG");
      });

      it("closes connections whose password has changed, and keeps the others", async () => {
        write(withUsers(`${ALICE}, ${BOB}`));
        await using broker = await open();
        const changed = await client(broker, alice);
        const kept = await client(broker, bob);
        write(withUsers(`{ user: alice, password: other }, ${BOB}`));
        await reload(broker);
        await changed.closed();
        expect(changed.received).toContain("-ERR 'Authorization Violation'\r\n");
        await kept.sync();
        expect(kept.isClosed).toBe(false);
        kept.close();
      });

      it("closes connections without credentials when users come up", async () => {
        write("max_payload: 1000");
        await using broker = await open();
        const anonymous = await client(broker);
        write(withUsers(ALICE), "max_payload: 1000");
        await reload(broker);
        await anonymous.closed();
        expect(anonymous.received).toContain("-ERR 'Authorization Violation'\r\n");
      });

      it("closes connections whose user is in another account now", async () => {
        write(`accounts { A { users: [ ${ALICE} ] }, B { users: [ ${BOB} ] } }`);
        await using broker = await open();
        const moved = await client(broker, alice);
        const kept = await client(broker, bob);
        write(`accounts { A {}, B { users: [ ${ALICE}, ${BOB} ] } }`);
        await reload(broker);
        await moved.closed();
        expect(moved.received).not.toContain("Authorization Violation");
        await kept.sync();
        const back = await client(broker, alice);
        back.send("SUB x 1\r\n");
        await back.sync();
        kept.send("PUB x 2\r\nhi\r\n");
        await back.until(/MSG x 1 2\r\nhi\r\n/);
        back.close();
        kept.close();
      });

      it("changes what accounts share, and mappings", async () => {
        const accounts = (shared: string) => `accounts {
          A { users: [ ${ALICE} ], ${shared === "" ? "" : `exports: [ { stream: "${shared}" } ]`} }
          B { users: [ ${BOB} ], ${shared === "" ? "" : `imports: [ { stream: { account: A, subject: "${shared}" } } ]`} }
        }`;
        write(accounts("one"), "mappings { from: to }");
        await using broker = await open();
        const publisher = await client(broker, alice);
        const subscriber = await client(broker, bob);
        subscriber.send("SUB > 1\r\n");
        await subscriber.sync();
        const publish = async () => {
          publisher.send("PUB one 0\r\n\r\nPUB two 0\r\n\r\n");
          await publisher.sync();
          await subscriber.sync();
          return subscriber.received.match(/MSG \w+/g);
        };
        expect(await publish()).toEqual(["MSG one"]);
        write(accounts("two"));
        await reload(broker);
        expect(await publish()).toEqual(["MSG one", "MSG two"]);
        write(accounts(""));
        await reload(broker);
        expect(await publish()).toEqual(["MSG one", "MSG two"]);
        publisher.close();
        subscriber.close();
      });

      it("changes the mappings of the global account", async () => {
        write("mappings { from: one }");
        await using broker = await open();
        const connection = await client(broker);
        connection.send("SUB > 1\r\nPUB from 0\r\n\r\n");
        await connection.sync();
        write("mappings { from: two }");
        await reload(broker);
        connection.send("PUB from 0\r\n\r\n");
        await connection.sync();
        write("max_payload: 1000");
        await reload(broker);
        connection.send("PUB from 0\r\n\r\n");
        await connection.sync();
        expect(connection.received.match(/MSG \w+/g)).toEqual(["MSG one", "MSG two", "MSG from"]);
        connection.close();
      });

      it("takes away subscriptions and rights to publish, and gives others", async () => {
        const rights = (subscribe: string, publish: string) =>
          withUsers(
            `{ user: alice, password: a, permissions: { subscribe: "${subscribe}", publish: "${publish}" } }`,
          );
        write(rights(">", "one"));
        await using broker = await open();
        const connection = await client(broker, alice);
        connection.send("SUB one 1\r\nSUB two 2\r\nSUB two q 3\r\nPUB one 1\r\na\r\n");
        await connection.sync();
        expect(connection.received).toContain("MSG one 1 1\r\na\r\n");
        write(rights("one", "two"));
        await reload(broker);
        connection.send("PUB one 1\r\nb\r\nPUB two 1\r\nc\r\n");
        await connection.sync();
        expect(connection.received).toContain(`-ERR 'Permissions Violation for Publish to "one"'\r\n`);
        expect(connection.received).not.toContain("MSG one 1 1\r\nb");
        expect(connection.received).not.toContain("MSG two");
        expect(connection.received).toContain(
          `-ERR 'Permissions Violation for Subscription to "two" (sid "2")'\r\n`,
        );
        // 2.9.10 does not name the queue group.
        expect(connection.received).toMatch(
          /-ERR 'Permissions Violation for Subscription to "two"( using queue "q")? \(sid "3"\)'\r\n/,
        );
        connection.close();
      });
    });

    describe("of limits", () => {
      it("changes max_payload of connections that are open", async () => {
        write("max_payload: 10");
        await using broker = await open();
        const small = await client(broker);
        write("max_payload: 20");
        expect(await reload(broker)).toContain("Reloaded: max_payload = 20");
        small.send("SUB x 1\r\nPUB x 15\r\n123456789012345\r\n");
        await small.until(/MSG x 1 15/);
        // 2.9.10 leaves it to the next INFO.
        if (kind === "broker-process") expect(small.received).toMatch(/INFO [^\r]*"max_payload":20,/);
        write("max_payload: 5");
        await reload(broker);
        small.send("PUB x 6\r\n123456\r\n");
        await small.closed();
        expect(small.received).toContain("-ERR 'Maximum Payload Violation'\r\n");
      });

      it("closes connections beyond max_connections", async () => {
        write("max_connections: 10");
        await using broker = await open();
        const all = await Promise.all([1, 2, 3].map(() => client(broker)));
        write("max_connections: 1");
        await reload(broker);
        await waitFor(() => all.filter(({ isClosed }) => isClosed).length === 2);
        const errors = all.filter(({ received }) => received.includes("-ERR 'maximum connections exceeded'"));
        expect(errors).toHaveLength(2);
        const [left] = all.filter(({ isClosed }) => !isClosed);
        await left?.sync();
        left?.close();
      });

      it("changes the interval of PINGs", async () => {
        write('ping_interval: "1h"');
        await using broker = await open();
        const silent = await client(broker);
        write('ping_interval: "50ms"', "ping_max: 100");
        await reload(broker);
        await silent.until(/(PING\r\n.*){2}/s);
        silent.close();
      });
    });

    it("turns tracing on and off for connections that are open", async () => {
      write("trace: false");
      await using broker = await open();
      const traced = await client(broker);
      traced.send("PUB before 0\r\n\r\n");
      await traced.sync();
      write("trace: true", "logtime: false");
      expect(await reload(broker)).toContain("Reloaded: trace = true");
      traced.send("SUB during 1\r\nPUB during 0\r\n\r\n");
      await traced.sync();
      write("trace: false", "logtime: false");
      await reload(broker);
      traced.send("PUB after 0\r\n\r\n");
      await traced.sync();
      traced.close();
      expect(log()).toContain("<<- [PUB during 0]");
      expect(log()).toContain("->> [MSG during 1 0]");
      expect(log()).not.toContain("PUB before");
      expect(log()).not.toContain("PUB after");
    });

    it("reads certificates again", async () => {
      const authority = await CertificateAuthority.create(directory);
      const first = await authority.issue({ subject: "CN=first" });
      const second = await authority.issue({ subject: "CN=second" });
      const [certFile, keyFile] = [join(directory, "server.pem"), join(directory, "server.key")];
      const install = (files: { certFile: string; keyFile: string }) => {
        writeFileSync(certFile, readFileSync(files.certFile));
        writeFileSync(keyFile, readFileSync(files.keyFile));
      };
      const subject = () => subjectAfterInfo(broker.url);
      const others = () => Promise.all([broker.websocketUrl, broker.monitoringUrl].map(subjectOf));
      install(first);
      const tls = `tls { cert_file: "${certFile}", key_file: "${keyFile}" }`;
      write(tls, `websocket { listen: "127.0.0.1:-1", ${tls} }`, "https: -1");
      await using broker = await open();
      const connection = await connect({
        servers: broker.url,
        tls: { ca: readFileSync(authority.caFile, "utf8"), checkServerIdentity: () => undefined } as object,
      });
      expect(await subject()).toBe("CN=first");
      expect(await others()).toEqual(["CN=first", "CN=first"]);
      install(second);
      await reload(broker);
      expect(await subject()).toBe("CN=second");
      // nats-server reads those of its other listeners only when it starts.
      if (kind === "broker-process") expect(await others()).toEqual(["CN=second", "CN=second"]);
      await connection.flush(); // those that are open stay
      await connection.close();
    });

    it("refuses what cannot change, says why, and changes nothing", async () => {
      write("max_payload: 10", 'server_name: "one"');
      await using broker = await open();
      const connection = await client(broker);
      write("max_payload: 20", 'server_name: "two"');
      expect(await reload(broker)).toMatch(
        /\[ERR\] Failed to reload server configuration: .*(server_?name)/i,
      );
      connection.send("PUB x 15\r\n123456789012345\r\n");
      await connection.closed();
      expect(connection.received).toContain("-ERR 'Maximum Payload Violation'\r\n");
      write("max_payload: 30", 'server_name: "one"');
      await reload(broker);
      const raw = await RawClient.open(broker.url);
      expect(raw.received).toContain('"max_payload":30');
      expect(raw.received).toContain('"server_name":"one"');
      raw.close();
    });

    it("refuses a configuration that is not valid, and changes nothing", async () => {
      write("max_payload: 10");
      await using broker = await open();
      write("max_payload: 20", "no_such_key: 1");
      expect(await reload(broker)).toMatch(/\[ERR\] Failed to reload .*unknown field "no_such_key"/s);
      const raw = await RawClient.open(broker.url);
      expect(raw.received).toContain('"max_payload":10,');
      raw.close();
    });

    it("continues in another log file", async () => {
      write("max_payload: 10");
      await using broker = await open();
      const before = logFile;
      logFile = join(directory, "other.log");
      writeFileSync(logFile, "");
      write("max_payload: 20");
      process.kill(Number(broker.pid), "SIGHUP");
      await waitFor(() => log().length > 0);
      expect(readFileSync(before, "utf8")).toContain("Server is ready");
      expect(log()).toMatch(/\[INF\] (File log re-opened|Reloaded)/);
    });
  },
  { kinds: ["broker-process", "nats-server"] },
);

/** The subject of the certificate a server shows after its INFO. */
async function subjectAfterInfo(url: string): Promise<string> {
  const { port } = new URL(url);
  const socket = connectPlain(Number(port), "127.0.0.1");
  await new Promise((resolve) => socket.once("data", resolve));
  return subjectOn(socket);
}

/** The subject of the certificate a server shows at once. */
function subjectOf(url: string | undefined): Promise<string> {
  const { port } = new URL(url ?? "");
  return subjectOn(connectPlain(Number(port), "127.0.0.1"));
}

async function subjectOn(socket: Socket): Promise<string> {
  const secure = connectTls({ socket, rejectUnauthorized: false });
  try {
    await new Promise((resolve, reject) => {
      secure.once("secureConnect", resolve);
      secure.once("error", reject);
    });
    return secure.getPeerX509Certificate()?.subject ?? "";
  } finally {
    secure.destroy();
  }
}

describeBrokers(
  "lame duck mode",
  (start) => {
    const config = () =>
      ['lame_duck_grace_period: "300ms"', 'lame_duck_duration: "30s"', `log_file: "${logFile}"`].join("\n");

    it("tells clients to go, takes no new ones, closes all and exits", async () => {
      await using broker = await start({ jetstream: false, config: config() });
      const one = await client(broker);
      const two = await client(broker);
      const old = await client(broker, { protocol: 0 });
      process.kill(Number(broker.pid), "SIGUSR2");
      await Promise.all([one, two].map((each) => each.until(/INFO [^\r]*"ldm":true/)));
      await expect(RawClient.open(broker.url)).rejects.toThrow();
      expect([one, two, old].some(({ isClosed }) => isClosed)).toBe(false);
      await one.sync(); // it serves to the last
      await Promise.all([one, two, old].map((each) => each.closed()));
      expect(old.received).not.toContain("ldm");
      await waitFor(() => log().includes("Server Exiting.."));
      expect(log()).toMatch(
        /Entering lame duck mode, stop accepting new clients.*Closing existing clients.*Initiating Shutdown/s,
      );
    });

    it("exits at once when there are no clients", async () => {
      await using broker = await start({ jetstream: false, config: config() });
      process.kill(Number(broker.pid), "SIGUSR2");
      await waitFor(() => log().includes("Server Exiting.."));
    });
  },
  { kinds: ["broker-process", "nats-server"] },
);
