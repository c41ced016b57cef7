import { connect } from "node:net";
import { cutAnywhere, mutatedFrame, validFrame } from "./frames.js";
import { HealthyClient } from "./healthy-client.js";
import { Random } from "./random.js";

/** Connections at a time. */
const CONCURRENCY = 8;
/** How long some clients do not read what they are sent. */
const READ_DELAY_MS = 50;
const CLOSE_TIMEOUT_MS = 10_000;

/** What a run of the broker's fuzzer did. */
export interface BrokerFuzzReport {
  /** Frames sent up to and including the first mutated one of each connection: what certainly was to be read. */
  readonly frames: number;
  readonly connections: number;
  readonly healthy: { readonly messages: number; readonly worstMs: number };
}

/** How much to do. */
export interface BrokerFuzzPlan {
  readonly frames: number;
  readonly seed: number;
  /** Called now and then. */
  readonly onProgress?: (frames: number) => void;
}

/**
 * Sends valid and mutated frames, cut anywhere, over many connections. Each must be closed in time, whatever it
 * sent, and a client that behaves must be served all the while.
 *
 * @throws Error that names the seed of the connection.
 */
export async function fuzzBroker(url: string, plan: BrokerFuzzPlan): Promise<BrokerFuzzReport> {
  const healthy = await HealthyClient.open(url);
  let frames = 0;
  let connections = 0;
  const worker = async () => {
    while (frames < plan.frames) {
      const seed = plan.seed + connections++;
      const sent = await converse(url, seed);
      frames += sent;
      if (connections % 100 === 0) plan.onProgress?.(frames);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return { frames, connections, healthy: await healthy.stop() };
}

/** One connection. @returns how many frames it sent, up to the mutated one. */
function converse(url: string, seed: number): Promise<number> {
  const random = new Random(seed);
  const { hostname, port } = new URL(url);
  const valid = Array.from({ length: random.below(400) }, () => validFrame(random));
  const bytes = Buffer.concat([...valid, mutatedFrame(random), validFrame(random), mutatedFrame(random)]);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`seed ${seed}: the connection was not closed`));
    }, CLOSE_TIMEOUT_MS);
    socket.on("error", () => {}); // a reset is an end as well
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(valid.length + 1);
    });
    if (random.chance(0.95)) socket.resume();
    else setTimeout(() => socket.resume(), READ_DELAY_MS);
    for (const chunk of cutAnywhere(bytes, 6, random)) socket.write(chunk);
    if (random.chance(0.1)) socket.once("connect", () => socket.resetAndDestroy());
    else socket.end();
  });
}
