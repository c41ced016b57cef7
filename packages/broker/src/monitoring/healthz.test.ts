import { expect, it } from "vitest";
import type { BrokerView } from "./broker-view.js";
import { healthz } from "./healthz.js";

interface FakeStream {
  readonly failure?: string;
  readonly lost?: readonly { readonly firstSequence: number; readonly lastSequence: number }[];
}

/** A broker with the streams of one account, as far as health looks at them. */
function viewOf(streams: Readonly<Record<string, FakeStream>>, isReady = true): BrokerView {
  const all = Object.entries(streams).map(([name, { failure, lost = [] }]) => ({
    name,
    store: { messages: { health: () => ({ failure }), state: () => ({ lost }) } },
  }));
  const account = {
    bus: { accountName: "ACME" },
    streams: all,
    findStream: (wanted: string) => all.find(({ name }) => name === wanted),
  };
  const jetstream = { accounts: () => [account], account: () => account };
  return { isReady, jetstream } as unknown as BrokerView; // health looks at nothing else
}

it("/healthz is unavailable while a stream cannot be written, unless it does not matter", () => {
  expect(healthz(viewOf({ ORDERS: {} }))).toMatchObject({ statusCode: 200, body: { status: "ok" } });
  const view = viewOf({ ORDERS: { failure: "ENOSPC: no space left" }, OTHER: {} });
  const error = "JetStream stream 'ACME > ORDERS' cannot be written: ENOSPC: no space left";
  const unavailable = { statusCode: 503, body: { status: "unavailable", error } };
  expect(healthz(view)).toMatchObject(unavailable);
  expect(healthz(view, { account: "ACME" })).toMatchObject(unavailable);
  expect(healthz(view, { account: "ACME", stream: "ORDERS" })).toMatchObject(unavailable);
  expect(healthz(view, { account: "ACME", stream: "OTHER" })).toMatchObject({ statusCode: 200 });
  expect(healthz(view, { jsServerOnly: true })).toMatchObject({ statusCode: 200 });
  expect(healthz(view, { details: true }).body).toMatchObject({ errors: [{ type: "STREAM", error }] });
});

it("/healthz names streams that have lost messages, and stays good", () => {
  const lost = [
    { firstSequence: 3, lastSequence: 5 },
    { firstSequence: 9, lastSequence: 9 },
  ];
  expect(healthz(viewOf({ S: { lost }, T: {} }))).toEqual({
    statusCode: 200,
    body: { status: "ok", damaged_streams: [{ account: "ACME", stream: "S", lost_messages: 4 }] },
  });
});

it("/healthz is bad before clients are accepted, and when the broker stops", () => {
  expect(healthz(viewOf({}, false))).toMatchObject({ statusCode: 500, body: { status: "error" } });
});
