import type { BrokerView } from "./broker-view.js";
import { unlessEmpty } from "./monitoring-format.js";

/** What /healthz can be asked. Source: nats-server monitor.go `HealthzOptions`. */
export interface HealthzOptions {
  /** Whether JetStream works; its streams are not looked at. */
  readonly jsEnabledOnly?: boolean;
  /** JetStream does not matter. */
  readonly jsServerOnly?: boolean;
  readonly account?: string;
  readonly stream?: string;
  readonly consumer?: string;
  /** Errors as objects with a type. */
  readonly details?: boolean;
}

type ErrorType = "CONNECTION" | "BAD_REQUEST" | "JETSTREAM" | "ACCOUNT" | "STREAM" | "CONSUMER";

interface Fault {
  readonly code: number;
  readonly status: "error" | "unavailable";
  readonly type: ErrorType;
  readonly error: string;
}

/** The health, and the HTTP status that goes with it. */
export interface Health {
  readonly statusCode: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * /healthz: whether the broker, and what is asked for, can be used. Streams that have lost messages to damage are
 * named; the broker goes on serving them, so they do not make it unhealthy. A stream that cannot be written does.
 *
 * Source: nats-server monitor.go `healthz`.
 */
export function healthz(view: BrokerView, options: HealthzOptions = {}): Health {
  const damaged = unlessEmpty(damagedStreams(view));
  const fault = faultOf(view, options);
  if (fault === undefined) return { statusCode: 200, body: { status: "ok", damaged_streams: damaged } };
  const { code, status, type, error } = fault;
  const { account, stream, consumer } = options;
  if (!options.details) return { statusCode: code, body: { status, error, damaged_streams: damaged } };
  const detail = { type, account: account || undefined, stream: stream || undefined, error };
  const errors = [consumer ? { ...detail, consumer } : detail];
  return { statusCode: code, body: { status: "error", errors, damaged_streams: damaged } };
}

function faultOf(view: BrokerView, options: HealthzOptions): Fault | undefined {
  const { account = "", stream = "", consumer = "" } = options;
  if (account === "" && stream !== "")
    return badRequest('"account" must not be empty when checking stream health');
  if (stream === "" && consumer !== "")
    return badRequest('"stream" must not be empty when checking consumer health');
  if (!view.isReady) {
    return {
      code: 500,
      status: "error",
      type: "CONNECTION",
      error: "nats server: not ready for connections",
    };
  }
  // A broker whose JetStream was asked for and does not work does not start at all.
  if (options.jsServerOnly || options.jsEnabledOnly || view.jetstream === undefined) return undefined;
  const absent = account === "" ? undefined : missing(view, { account, stream, consumer });
  return absent ?? unwritable(view, { account, stream });
}

/** A stream, of those asked for, whose log cannot be written, such as on a full disk: publishes to it are refused. */
function unwritable(
  { jetstream }: BrokerView,
  asked: { readonly account: string; readonly stream: string },
): Fault | undefined {
  for (const account of jetstream?.accounts() ?? []) {
    if (asked.account !== "" && asked.account !== account.bus.accountName) continue;
    for (const { name, store } of account.streams) {
      const { failure } = store.messages.health();
      if (failure === undefined || (asked.stream !== "" && asked.stream !== name)) continue;
      const error = `JetStream stream '${account.bus.accountName} > ${name}' cannot be written: ${failure}`;
      return { code: 503, status: "unavailable", type: "STREAM", error };
    }
  }
  return undefined;
}

/** What is asked for and does not exist. */
function missing(
  { jetstream }: BrokerView,
  { account, stream, consumer }: { account: string; stream: string; consumer: string },
): Fault | undefined {
  const found = jetstream?.account(account);
  if (found === undefined) return notFound("ACCOUNT", `JetStream account "${account}" not found`);
  if (stream === "") return undefined;
  const foundStream = found.findStream(stream);
  if (foundStream === undefined) {
    return notFound("STREAM", `JetStream stream "${stream}" not found on account "${account}"`);
  }
  if (consumer === "" || foundStream.consumers.get(consumer) !== undefined) return undefined;
  const where = `for stream "${stream}" on account "${account}"`;
  return notFound("CONSUMER", `JetStream consumer "${consumer}" not found ${where}`);
}

function badRequest(error: string): Fault {
  return { code: 400, status: "error", type: "BAD_REQUEST", error };
}

function notFound(type: ErrorType, error: string): Fault {
  return { code: 404, status: "unavailable", type, error };
}

function damagedStreams({ jetstream }: BrokerView) {
  const accounts = [...(jetstream?.accounts() ?? [])];
  return accounts.flatMap((account) =>
    [...account.streams].flatMap(({ name: stream, store }) => {
      const lost = store.messages.state().lost;
      if (lost.length === 0) return [];
      const lostMessages = lost.reduce((sum, range) => sum + range.lastSequence - range.firstSequence + 1, 0);
      return [{ account: account.bus.accountName, stream, lost_messages: lostMessages }];
    }),
  );
}
