import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface Options {
  /** Stop when the orders are finished and shown, instead of staying up. */
  readonly once: boolean;
  /** Write the figures of the run as JSON on the last line. */
  readonly json: boolean;
  /** A NATS server to use instead of the embedded broker. */
  readonly url: string | undefined;
  /** Directory of the ledgers, and of the embedded broker's data. */
  readonly store: string;
  /** An OTLP/HTTP collector for traces and measurements. */
  readonly otlp: string | undefined;
  /** How many orders to place; with 0 only what is unfinished in the store is brought to its end. */
  readonly orders: number;
}

/** Most orders one run may place. */
const MAX_ORDERS = 100_000;

export const USAGE = `Usage: node examples/orders/dist/main.js [options]

Runs four services, a checkout saga and a projection on a NATS broker of their own.

  --orders N    how many orders to place, 0 to ${MAX_ORDERS} (default 20)
  --once        stop when they are finished and shown
  --json        write the figures of the run as JSON on the last line
  --store DIR   where ledgers and the embedded broker keep their data (default .ganglion/orders)
  --url URL     use the NATS server at this address instead, such as nats://127.0.0.1:4222
  --otlp URL    send traces and measurements to an OTLP/HTTP collector, such as http://127.0.0.1:4318
  --help        show this text
`;

/** Either options, or what to say and the exit status to end with. */
export type Parsed = { readonly options: Options } | { readonly text: string; readonly exitCode: 0 | 2 };

/** Reads the command line; nothing is started and nothing thrown. */
export function parseOptions(args: readonly string[]): Parsed {
  const parsed = tryParse(args);
  if (typeof parsed === "string") return usageError([parsed]);
  const { values } = parsed;
  if (values.help) return { text: USAGE, exitCode: 0 };

  const faults: string[] = [];
  const orders = Number(values.orders);
  if (!/^\d+$/.test(values.orders) || orders > MAX_ORDERS) {
    faults.push(`--orders ${values.orders}: use a whole number from 0 to ${MAX_ORDERS}`);
  }
  if (values.url !== undefined && !hasScheme(values.url, /^(nats|tls|ws|wss):$/)) {
    faults.push(`--url ${values.url}: use an address such as nats://127.0.0.1:4222`);
  }
  if (values.otlp !== undefined && !hasScheme(values.otlp, /^https?:$/)) {
    faults.push(`--otlp ${values.otlp}: use an address such as http://127.0.0.1:4318`);
  }
  if (values.store === "") faults.push("--store: name a directory");
  if (faults.length > 0) return usageError(faults);
  return {
    options: {
      once: values.once,
      json: values.json,
      url: values.url,
      store: values.store ?? ".ganglion/orders",
      otlp: values.otlp,
      orders,
    },
  };
}

function tryParse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        url: { type: "string" },
        store: { type: "string" },
        otlp: { type: "string" },
        orders: { type: "string", default: "20" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function usageError(faults: readonly string[]): Parsed {
  return { text: `${faults.join("\n")}\n\nTry --help.\n`, exitCode: 2 };
}

function hasScheme(text: string, scheme: RegExp): boolean {
  return URL.canParse(text) && scheme.test(new URL(text).protocol);
}
