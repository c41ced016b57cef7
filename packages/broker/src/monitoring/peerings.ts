import { formatTimestamp } from "@ganglion/protocol";
import type { BrokerView } from "./broker-view.js";

/** What every answer begins with. */
export function answerHead({ context }: BrokerView) {
  return {
    server_id: context.info().server_id,
    now: formatTimestamp(context.options.clock.nowUs()),
  };
}

/** /routez: a single node has no routes. Source: nats-server monitor.go `Routez`. */
export function routez(view: BrokerView) {
  const { server_id, now } = answerHead(view);
  return { server_id, server_name: view.context.info().server_name, now, num_routes: 0, routes: [] };
}

/** /gatewayz: nor gateways. Source: nats-server monitor.go `Gatewayz`. */
export function gatewayz(view: BrokerView) {
  return { ...answerHead(view), outbound_gateways: {}, inbound_gateways: {} };
}

/** /leafz: nor leaf nodes. Source: nats-server monitor.go `Leafz`. */
export function leafz(view: BrokerView) {
  return { ...answerHead(view), leafnodes: 0, leafs: [] };
}

/** /ipqueuesz: there are no queues between threads. */
export function ipqueuesz() {
  return {};
}
