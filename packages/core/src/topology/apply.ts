import { assertNever, type Logger } from "@ganglion/kernel";
import { coreError } from "../errors.js";
import type { JetStream } from "../transport/jetstream.js";
import { type PlannedChange, planTopology } from "./plan.js";
import type { ResourcePlan } from "./resource.js";

/**
 * What an app does about streams and consumers: `create` makes what is missing and changes what can be changed
 * without losing anything; `verify` refuses to start when something is missing; `off` does not look.
 */
export type ManageMode = "create" | "verify" | "off";

/** What {@link provideTopology} works with. */
export interface ProvideRequest {
  readonly jetstream: JetStream;
  readonly manage: ManageMode;
  readonly logger: Logger;
}

/**
 * Makes sure that resources are there, streams before consumers. Never removes data or subjects.
 *
 * @throws GanglionError `TOPOLOGY_MISMATCH` listing what is missing in mode `verify`, or what cannot be changed
 */
export async function provideTopology(
  resources: readonly ResourcePlan[],
  { jetstream, manage, logger }: ProvideRequest,
): Promise<void> {
  if (manage === "off") return;
  for (const kind of ["stream", "consumer"] as const) {
    const changes = await planTopology(
      jetstream,
      resources.filter((resource) => resource.kind === kind),
    );
    for (const change of changes.filter(({ action }) => action === "destructive")) {
      logger.warn("left as it is: changing it could remove data", facts(change));
    }
    const blocking = changes.filter(
      ({ action }) => action === "conflict" || (manage === "verify" && action !== "destructive"),
    );
    if (blocking.length > 0) throw mismatch(blocking);
    for (const change of changes) await apply(jetstream, change, logger);
  }
}

async function apply(jetstream: JetStream, change: PlannedChange, logger: Logger): Promise<void> {
  const { action, resource } = change;
  switch (action) {
    case "create":
      if (resource.kind === "stream") await jetstream.streams.ensure(resource.spec);
      else await jetstream.consumers.ensure(resource.stream, resource.spec);
      break;
    case "change":
      if (resource.kind === "stream") await jetstream.streams.update(resource.spec);
      else await jetstream.consumers.update(resource.stream, resource.spec);
      break;
    case "destructive":
    case "conflict":
      return;
    default:
      assertNever(action);
  }
  logger.info(action === "create" ? "created" : "changed", facts(change));
}

function facts({ kind, name, neededBy, differences }: PlannedChange) {
  return { [kind]: name, neededBy, ...(differences.length > 0 && { differences }) };
}

function mismatch(changes: readonly PlannedChange[]) {
  const faults = changes.map(({ action, kind, name, neededBy, differences }) =>
    action === "create"
      ? `${kind} ${name} is missing (needed by ${neededBy})`
      : `${kind} ${name} differs: ${differences.join("; ")} (needed by ${neededBy})`,
  );
  const list = faults.map((fault) => `\n  - ${fault}`).join("");
  return coreError("TOPOLOGY_MISMATCH", `The server does not have what the app needs:${list}`, {
    details: { faults },
  });
}
