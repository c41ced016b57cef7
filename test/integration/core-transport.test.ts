import { startBroker } from "@ganglion/broker";
import { natsClient } from "@ganglion/core";
import { connectNats, dialInProcess } from "@ganglion/core/internal";
import { startTestBroker } from "@ganglion/testing";
import { describeJetStream, describeTransport } from "../support/transport-contract.js";

const open = async () => {
  const broker = await startTestBroker({ kind: "nats-server" });
  return { connect: () => connectNats({ servers: broker.url }), close: () => broker.close() };
};

describeTransport("NATS transport on nats-server", open);
describeJetStream("NATS transport on nats-server", open);

const openClient = async () => {
  const broker = await startTestBroker({ kind: "nats-server" });
  const source = natsClient({ servers: broker.url });
  return { connect: () => source.openTransport(), close: () => broker.close() };
};

describeTransport("nats client on nats-server", openClient);
describeJetStream("nats client on nats-server", openClient);

const openEmbedded = async () => {
  const broker = await startTestBroker({ kind: "embedded" });
  return { connect: () => connectNats({ servers: broker.url }), close: () => broker.close() };
};

describeTransport("NATS transport on the embedded broker", openEmbedded);
describeJetStream("NATS transport on the embedded broker", openEmbedded);

const openInProcess = async () => {
  const broker = await startBroker({ jetstream: true });
  const dial = dialInProcess(() => broker.connectInProcess());
  return { connect: () => connectNats({ servers: broker.url }, { dial }), close: () => broker.close() };
};

describeTransport("NATS transport inside the process", openInProcess);
describeJetStream("NATS transport inside the process", openInProcess);
