import { contract, Handler, type In, rpc, Service } from "@ganglion/core";
import { connect } from "nats";
import { expect, it } from "vitest";
import { z } from "zod";
import { describeBrokers } from "./describe-brokers.js";
import { startTestBroker } from "./start-test-broker.js";
import { testApp } from "./test-app.js";

const Greeter = contract("greeter", {
  version: "1.0.0",
  greet: rpc({ input: z.object({ name: z.string() }), output: z.object({ text: z.string() }) }),
});

@Service(Greeter)
class GreeterService {
  @Handler(Greeter.greet)
  async greet(input: In<typeof Greeter.greet>) {
    return { text: `Hello ${input.name}` };
  }
}

describeBrokers("testApp", (_start, kind) => {
  it("serves on a broker of its own until it is disposed of", async () => {
    let url: string;
    {
      await using test = await testApp({ services: [GreeterService], broker: { kind } });
      expect(test.broker.kind).toBe(kind);
      expect(await test.app.client(Greeter).greet({ name: "you" })).toEqual({ text: "Hello you" });
      url = test.broker.url;
      await test.close();
    }
    await expect(connect({ servers: url, maxReconnectAttempts: 0 })).rejects.toThrow();
  });

  it("shares a broker with other apps and leaves it running", async () => {
    await using broker = await startTestBroker({ kind });
    await using client = await testApp({ broker });
    {
      await using _service = await testApp({ services: [GreeterService], broker });
      expect(await client.app.client(Greeter).greet({ name: "all" })).toEqual({ text: "Hello all" });
    }
    await expect(client.app.client(Greeter).greet({ name: "nobody" })).rejects.toMatchObject({
      code: "NO_RESPONDERS",
    });
  });
});

it("testApp leaves nothing running when the app cannot start", async () => {
  class NotAService {}
  const before = process.getActiveResourcesInfo().filter((resource) => resource.startsWith("TCP"));
  await expect(testApp({ services: [NotAService], broker: { kind: "embedded" } })).rejects.toThrow();
  const after = process.getActiveResourcesInfo().filter((resource) => resource.startsWith("TCP"));
  expect(after).toEqual(before);
});
