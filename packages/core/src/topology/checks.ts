import { coreError } from "../errors.js";
import type { ServiceDefinition } from "../metadata/definitions.js";
import type { JetStream } from "../transport/jetstream.js";

/**
 * Refuses rpc subjects that a stream stores: the stream would answer every request with an acknowledgement.
 *
 * @throws GanglionError `TOPOLOGY_MISMATCH`
 */
export async function refuseStoredRequests(
  jetstream: JetStream,
  services: readonly ServiceDefinition[],
): Promise<void> {
  const patterns = services.flatMap(({ endpoints }) =>
    endpoints.filter(({ role }) => role === "handler").map(({ endpoint }) => endpoint.template.pattern),
  );
  const found = await Promise.all(patterns.map((pattern) => jetstream.streams.names(pattern)));
  const faults = patterns.flatMap((pattern, index) =>
    (found[index] ?? []).map((stream) => `stream ${stream} stores requests on ${pattern}`),
  );
  if (faults.length === 0) return;
  throw coreError(
    "TOPOLOGY_MISMATCH",
    `Streams would answer requests with acknowledgements:${faults.map((fault) => `\n  - ${fault}`).join("")}`,
    { details: { faults } },
  );
}
