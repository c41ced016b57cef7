import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { connectNats } from "@ganglion/core/internal";
import { startTestBroker, type TestBroker, waitFor } from "@ganglion/testing";

/** Three nats-servers that keep streams together. */
export class NatsCluster implements AsyncDisposable {
  private constructor(readonly servers: readonly TestBroker[]) {}

  /** Starts them and waits until they take streams with three copies. */
  static async start(): Promise<NatsCluster> {
    const ports = await freePorts(3);
    const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
    const starts = ports.map((port, index) =>
      startTestBroker({
        kind: "nats-server",
        config: `server_name: n${index}
          cluster { name: trio, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
      }),
    );
    const started = await Promise.allSettled(starts);
    const servers = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const cluster = new NatsCluster(servers);
    try {
      await Promise.all(starts);
      await cluster.ready();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get urls(): readonly string[] {
    return this.servers.map(({ url }) => url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }

  private async ready(): Promise<void> {
    const { jetstream, close } = await connectTo(this.urls);
    const spec = { name: "PROBE", subjects: ["probe"], replicas: 3 };
    await waitFor(() => jetstream.streams.ensure(spec), { timeoutMs: 30_000, what: "a replicated stream" });
    await jetstream.streams.delete(spec.name);
    await close();
  }
}

async function connectTo(servers: readonly string[]) {
  const transport = await connectNats({ servers });
  return { jetstream: transport.jetstream, close: () => transport.close() };
}

/** Ports nobody listens on, so that servers can be told of each other before they start. */
async function freePorts(count: number): Promise<readonly number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(probes.map((probe) => once(probe, "listening")));
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port); // a TCP listener has no other form
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}
