import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface Options {
  /** Stop when the tour is over, instead of going on. */
  readonly once: boolean;
  /** Write the figures of the run as JSON on the last line. */
  readonly json: boolean;
  /** A NATS server to use instead of the embedded broker. */
  readonly url: string | undefined;
  readonly devices: number;
}

const MAX_DEVICES = 1_000;

export const USAGE = `Usage: node examples/telemetry/dist/main.js [options]

Devices publish telemetry and take commands, a monitor raises alerts, and a desk deals with them.

  --devices N   how many devices, 1 to ${MAX_DEVICES} (default 3)
  --once        stop when the tour is over
  --json        write the figures of the run as JSON on the last line
  --url URL     use the NATS server at this address, such as nats://127.0.0.1:4222
  --help        show this text
`;

/** Either options, or what to say and the exit status to end with. */
export type Parsed = { readonly options: Options } | { readonly text: string; readonly exitCode: 0 | 2 };

/** Reads the command line; nothing is started and nothing thrown. */
export function parseOptions(args: readonly string[]): Parsed {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        once: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        url: { type: "string" },
        devices: { type: "string", default: "3" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return { text: USAGE, exitCode: 0 };
    const devices = Number(values.devices);
    if (!/^\d+$/.test(values.devices) || devices < 1 || devices > MAX_DEVICES) {
      return refusal(`--devices ${values.devices}: use a whole number from 1 to ${MAX_DEVICES}`);
    }
    if (values.url !== undefined && !/^(nats|tls|wss?):\/\/./.test(values.url)) {
      return refusal(`--url ${values.url}: use an address such as nats://127.0.0.1:4222`);
    }
    return { options: { once: values.once, json: values.json, url: values.url, devices } };
  } catch (error) {
    return refusal(error instanceof Error ? error.message : String(error));
  }
}

function refusal(fault: string): Parsed {
  return { text: `${fault}\n\nTry --help.\n`, exitCode: 2 };
}
