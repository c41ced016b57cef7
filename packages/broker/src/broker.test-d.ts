import { expectTypeOf, test } from "vitest";
import type { BrokerStatistics, CloseReason, ThreadBroker } from "./index.js";
import { type Broker, startBroker } from "./index.js";

test("startBroker gives a thread's broker only for thread: true", () => {
  expectTypeOf(startBroker()).resolves.toEqualTypeOf<Broker>();
  expectTypeOf(startBroker({ thread: true })).resolves.toEqualTypeOf<ThreadBroker>();
  expectTypeOf<ReturnType<ThreadBroker["statistics"]>>().resolves.toEqualTypeOf<BrokerStatistics>();
  expectTypeOf<ThreadBroker>().not.toHaveProperty("connectInProcess");
});

test("hooks do not go into a thread", () => {
  // @ts-expect-error functions do not cross threads
  void startBroker({ thread: true, hooks: { authorizePublish: () => true } });
});

test("a listener knows what its event carries", () => {
  const listen = (broker: Broker) => {
    broker.on("disconnect", (event) => expectTypeOf(event.reason).toEqualTypeOf<CloseReason>());
    broker.on("slowConsumer", (event) => expectTypeOf(event.pendingBytes).toEqualTypeOf<number>());
    // @ts-expect-error there is no such event
    broker.on("nope", () => {});
    // @ts-expect-error a client that comes in has no reason
    broker.on("client", ({ reason }) => reason);
  };
  expectTypeOf(listen).toBeFunction();
});

test("a publish hook must answer at once", () => {
  // @ts-expect-error a promise is no answer
  void startBroker({ hooks: { authorizePublish: async () => true } });
  void startBroker({ hooks: { authenticate: async () => ({ user: "ann" }) } });
});
