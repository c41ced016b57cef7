import { contract, type EventContext, event, Service, Subscriber } from "@ganglion/core";
import { connectNats, isAtLeast } from "@ganglion/core/internal";
import { kv, On, Projection } from "@ganglion/eventsourcing";
import { Saga, Step } from "@ganglion/saga";
import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";
import { NatsCluster } from "../support/nats-cluster.js";

const Meters = contract("meters", {
  version: "1.0.0",
  read: event({ data: z.object({ value: z.number() }) }),
});

const seen: number[] = [];

@Service(Meters)
class MetersService {
  @Subscriber(Meters.read, { ackWait: "1s" })
  onRead({ value }: { value: number }, _ctx: EventContext<typeof Meters.read>) {
    seen.push(value);
  }
}

@Saga("replicated", { input: z.object({}) })
class ReplicatedSaga {
  @Step() only() {}
}

@Projection("replicated", { store: kv<number>() })
class ReplicatedRows {
  @On(Meters.read) onRead() {}
}

describeBrokers(
  "streams with three copies",
  () => {
    let cluster: NatsCluster;
    let isSafe: boolean;
    beforeAll(async () => {
      cluster = await NatsCluster.start();
      await using transport = await connectNats({ servers: cluster.urls });
      isSafe = isAtLeast(transport.server.version, [2, 9, 21]);
    }, 60_000);
    afterAll(() => cluster[Symbol.asyncDispose]());
    const options = () => ({ nats: cluster.urls, streams: { replicas: 3 }, stopTimeout: 500 });

    it("are told of in the audit, with what the server is not to be trusted with", async () => {
      await using app = await startApp({ services: [MetersService], ...options() });
      const { server, streams, compareAndSet, notes } = app.guarantees();
      expect(server).toMatchObject({ cluster: "trio", jetstream: true });
      expect(streams).toContainEqual({ name: "meters-events", storage: "file", replicas: 3 });
      expect(compareAndSet).toBe(isSafe ? "safe" : "unsafe-with-replicas");
      expect(notes.some((note) => note.startsWith("compare-and-set is unsafe on meters-events"))).toBe(
        !isSafe,
      );
    }, 20_000);

    it("refuse sagas and stored rows on servers that could write them twice", async () => {
      for (const [service, code] of [
        [ReplicatedSaga, "SAGA_UNSAFE_SERVER"],
        [ReplicatedRows, "PROJECTION_UNSAFE_SERVER"],
      ] as const) {
        const started = startApp({ services: [service], ...options() });
        if (isSafe) await (await started).stop();
        else
          await expect(started).rejects.toMatchObject({
            code,
            message: expect.stringContaining("use 2.9.21 or newer"),
          });
      }
    }, 40_000);

    it("lose nothing when the server of the app is killed", async () => {
      seen.length = 0;
      await using app = await startApp({ services: [MetersService], ...options() });
      const emit = (value: number) =>
        waitFor(() => app.emit(Meters.read, { value }, { id: `r${value}` }), { timeoutMs: 20_000 });
      for (let value = 0; value < 20; value++) await emit(value);
      const [first] = cluster.servers; // the one the app connects to first
      await first?.kill();
      for (let value = 20; value < 60; value++) await emit(value);
      await waitFor(() => new Set(seen).size === 60, { timeoutMs: 20_000 });
      expect([...new Set(seen)].sort((left, right) => left - right)).toEqual(
        Array.from({ length: 60 }, (_, value) => value),
      );
      await first?.restart();
    }, 60_000);
  },
  { kinds: ["nats-server"] },
);
