import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { RawClient } from "../../../../test/support/raw-client.js";

const BIN = fileURLToPath(new URL("../../bin/ganglion-broker.mjs", import.meta.url));

/** A broker that may have only a few files open. */
async function startStarved(): Promise<{ child: ChildProcess; port: number }> {
  const command = `ulimit -n 200; exec "${process.execPath}" "${BIN}" -a 127.0.0.1 -p -1`;
  const child = spawn("bash", ["-c", command], { stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let log = "";
  child.stderr?.on("data", (chunk) => (log += chunk));
  await expect.poll(() => log, { timeout: 10_000 }).toContain("Server is ready");
  return { child, port: Number(/client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]) };
}

test("more clients than the system has room for do not end the broker", async () => {
  const { child, port } = await startStarved();
  const flood: Socket[] = Array.from({ length: 400 }, () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {}); // some are refused, that is the point
    return socket;
  });
  await Promise.race([once(flood.at(-1) as Socket, "connect"), once(flood.at(-1) as Socket, "close")]); // there are 400
  const [served] = flood;
  if (served !== undefined && !served.destroyed) {
    served.write("PING\r\n");
    let answer = "";
    served.on("data", (chunk) => (answer += chunk));
    await expect.poll(() => answer, { timeout: 5_000 }).toContain("PONG");
  }
  for (const socket of flood) socket.destroy();
  await expect
    .poll(
      async () => {
        const client = await RawClient.open(`nats://127.0.0.1:${port}`);
        client.send("PING\r\n");
        await client.until(/PONG/);
        client.close();
        return "served";
      },
      { timeout: 10_000 },
    )
    .toBe("served");
  expect(child.exitCode).toBeNull();
});
