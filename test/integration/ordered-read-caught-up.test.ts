import { connectNats } from "@ganglion/core/internal";
import { describeBrokers } from "@ganglion/testing/vitest";
import { expect, it } from "vitest";

const SUBJECTS = 40;
const ROUNDS = 12;

describeBrokers("an ordered read of a stream whose messages are replaced meanwhile", (start) => {
  // nats-server 2.9.10 then says in deliveries that more is to come when nothing is: without a second look the
  // reader would never be caught up.
  it("catches up", async () => {
    await using broker = await start();
    await using transport = await connectNats({ servers: broker.url });
    const { jetstream } = transport;
    await jetstream.streams.ensure({ name: "T", subjects: ["t.*"], maxMessagesPerSubject: 1 });
    const appendAll = () =>
      Promise.all(
        Array.from({ length: SUBJECTS }, (_, index) => jetstream.append(`t.${index}`, "x".repeat(300))),
      );
    for (let round = 0; round < ROUNDS; round++) {
      await appendAll();
      const writing = (async () => {
        for (let again = 0; again < 10; again++) await appendAll();
      })();
      const seen = new Set<string>();
      await new Promise<void>((resolve, reject) => {
        jetstream
          .readOrdered("T", {
            onBatch: (messages) => {
              for (const { subject } of messages) seen.add(subject);
            },
            onCaughtUp: resolve,
          })
          .then((read) => writing.then(() => read.closed))
          .catch(reject);
      });
      expect(seen.size).toBe(SUBJECTS);
      await writing;
    }
  });
});
