import { expect, it } from "vitest";
import type { BrokerView } from "./broker-view.js";
import { healthz } from "./healthz.js";

/** A broker with one stream, as far as health looks at it. */
function viewOf(failure: string | undefined): BrokerView {
  const health = () => ({ failure, lostMessages: 0, damagedFiles: 0, checkedUs: 0 });
  const stream = { name: "ORDERS", store: { messages: { health, state: () => ({ lost: [] }) } } };
  const account = { bus: { accountName: "ACME" }, streams: [stream], findStream: () => stream };
  return {
    isReady: true,
    jetstream: { accounts: () => [account], account: () => account },
  } as unknown as BrokerView;
}

it("/healthz is unavailable while a stream cannot be written, unless streams do not matter", () => {
  expect(healthz(viewOf(undefined))).toMatchObject({ statusCode: 200, body: { status: "ok" } });
  expect(healthz(viewOf("ENOSPC: no space left"))).toMatchObject({
    statusCode: 503,
    body: {
      status: "unavailable",
      error: "JetStream stream 'ACME > ORDERS' cannot be written: ENOSPC: no space left",
    },
  });
  expect(healthz(viewOf("ENOSPC"), { jsServerOnly: true })).toMatchObject({ statusCode: 200 });
});
