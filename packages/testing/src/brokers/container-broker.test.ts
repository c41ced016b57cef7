import { expect, it } from "vitest";
import { type ContainerRequest, type ContainerRuntime, startContainerBroker } from "./container-broker.js";

class FakeRuntime implements ContainerRuntime {
  readonly calls: string[] = [];
  request: ContainerRequest | undefined;

  async start(request: ContainerRequest) {
    this.request = request;
    return {
      host: "docker.test",
      stop: async (graceMs: number) => void this.calls.push(`stop ${graceMs}`),
      start: async () => void this.calls.push("start"),
      remove: async () => void this.calls.push("remove"),
    };
  }
}

const defaults = { jetstream: true, storeDir: undefined, config: undefined };

it("startContainerBroker runs nats-server with JetStream on a fixed host port", async () => {
  const runtime = new FakeRuntime();
  const broker = await startContainerBroker(defaults, runtime);
  expect(runtime.request?.image).toBe("nats:2.12-alpine");
  expect(runtime.request?.command).toEqual(["-p", "4222", "-js", "-sd", "/data"]);
  expect(runtime.request?.hostPort).toBeGreaterThan(0);
  expect(broker.url).toBe(`nats://docker.test:${runtime.request?.hostPort}`);
  expect(broker.servers).toEqual([broker.url]);
});

it("startContainerBroker passes configuration as a file and the store as a mount", async () => {
  const runtime = new FakeRuntime();
  await startContainerBroker(
    { jetstream: false, storeDir: "/srv/store", config: "max_payload: 1k" },
    runtime,
  );
  expect(runtime.request?.command).toEqual(["-p", "4222", "-c", "/etc/ganglion-test.conf"]);
  expect(runtime.request?.files).toEqual([{ content: "max_payload: 1k", target: "/etc/ganglion-test.conf" }]);
  expect(runtime.request?.mount).toEqual({ source: "/srv/store", target: "/data" });
});

it("a container broker restarts gently or hard, starts after a kill, and is removed once", async () => {
  const runtime = new FakeRuntime();
  const broker = await startContainerBroker(defaults, runtime);
  await broker.restart();
  await broker.restart({ signal: "SIGKILL" });
  await broker.kill();
  await broker.restart();
  await broker.close();
  await broker.close();
  expect(runtime.calls).toEqual(["stop 10000", "start", "stop 0", "start", "stop 0", "start", "remove"]);
});

it("startContainerBroker says which image could not be started, and why", async () => {
  const reason = new Error("no Docker");
  const runtime: ContainerRuntime = { start: () => Promise.reject(reason) };
  await expect(startContainerBroker(defaults, runtime)).rejects.toMatchObject({
    code: "TEST_BROKER_UNAVAILABLE",
    cause: reason,
    details: { image: "nats:2.12-alpine" },
  });
});
