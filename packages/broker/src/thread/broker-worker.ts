import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { LogFields, Logger } from "@ganglion/kernel";
import { type Broker, startBroker } from "../broker.js";
import type { BrokerEventName } from "../events/broker-events.js";
import type { BrokerOptions } from "../options.js";
import {
  copyError,
  type LogLevel,
  type ThreadCall,
  type ThreadMessage,
  type ThreadStart,
} from "./thread-protocol.js";

const EVENTS: readonly BrokerEventName[] = [
  "client",
  "disconnect",
  "authFailure",
  "slowConsumer",
  "lameDuck",
  "reload",
  "error",
];

/** The thread's side: starts a broker, and does what the caller asks. */
async function run(port: MessagePort, { options, logs, traces }: ThreadStart): Promise<void> {
  const tracing = traces ? { traceLine: (line: string) => post(port, { kind: "trace", line }) } : {};
  let broker: Broker;
  try {
    broker = await startBroker({
      ...options,
      ...(logs && { logger: remoteLogger(port) }),
      ...tracing,
    });
  } catch (error) {
    post(port, { kind: "failed", error: copyError(error) });
    return;
  }
  for (const name of EVENTS) broker.on(name, (event) => post(port, { kind: "event", name, event }));
  port.on("message", (call: ThreadCall) => {
    void answer(port, call, () => perform(broker, call, tracing));
  });
  const { url, host, port: number, serverId, serverName, monitoringUrl, websocketUrl } = broker;
  const facts = { url, host, port: number, serverId, serverName, monitoringUrl, websocketUrl };
  post(port, { kind: "ready", facts });
}

async function answer(port: MessagePort, { id }: ThreadCall, work: () => unknown): Promise<void> {
  try {
    post(port, { kind: "answer", id, value: await work() });
  } catch (error) {
    post(port, { kind: "answer", id, error: copyError(error) });
  }
}

function perform(broker: Broker, { method, argument }: ThreadCall, tracing: BrokerOptions): unknown {
  if (method !== "reload") return broker[method]();
  return broker.reload({ ...(argument as BrokerOptions), ...tracing }); // reload checks them
}

function remoteLogger(port: MessagePort, bound: LogFields = {}): Logger {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) =>
    post(port, { kind: "log", level, message, fields: { ...bound, ...fields } });
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (fields) => remoteLogger(port, { ...bound, ...fields }),
  };
}

/** What cannot be copied, such as a function among the fields of a log line, goes as text. */
function post(port: MessagePort, message: ThreadMessage): void {
  try {
    port.postMessage(message);
  } catch {
    port.postMessage(JSON.parse(JSON.stringify(message)));
  }
}

if (parentPort !== null) await run(parentPort, workerData as ThreadStart);
