import type { BrokerContext } from "../connection/broker-context.js";
import { CLOSE_REASON } from "../connection/close-reason.js";
import { ERROR_TEXT } from "../connection/error-texts.js";
import type { ResolvedBrokerOptions } from "../options.js";
import { recheck } from "./recheck.js";
import { type Change, type ChangeKind, describeChange } from "./reload-plan.js";

/** A context whose options can be replaced: the broker's own view of it. */
export type LiveContext = Omit<BrokerContext, "options"> & { options: ResolvedBrokerOptions };

/**
 * Puts `next` in the place of the options of a running broker, and makes what depends on the changed ones follow.
 *
 * @returns when connections that lose their right are closed.
 */
export async function takeOver(
  context: LiveContext,
  next: ResolvedBrokerOptions,
  changes: readonly Change[],
): Promise<void> {
  context.options = next;
  const { registry, outboxEnvironment, accounts, authenticators } = context;
  const has = (wanted: ChangeKind) => changes.some(({ kind }) => kind === wanted);
  for (const change of changes) next.logger.info(describeChange(change, next));
  if (has("limits")) {
    registry.maxConnections = next.maxConnections;
    outboxEnvironment.maxPendingBytes = next.maxPendingBytes;
    outboxEnvironment.writeDeadlineMs = next.writeDeadlineMs;
    for (const connection of registry.all()) connection.followOptions();
    closeSurplus(context);
  }
  if (has("users")) {
    accounts.configure(next);
    authenticators.configure(next);
    await Promise.all(registry.all().map(recheck));
  }
  if (has("tls") || has("info") || changes.some(({ name }) => name === "maxPayloadBytes")) {
    for (const connection of registry.all()) connection.announce();
  }
  next.logger.info("Reloaded server configuration");
}

/** Source: nats-server reload.go `maxConnOption.Apply`. */
function closeSurplus({ registry, options }: LiveContext): void {
  const surplus = registry.all().slice(options.maxConnections);
  for (const connection of surplus) {
    connection.fail(ERROR_TEXT.maxConnectionsExceeded, CLOSE_REASON.maxConnectionsExceeded);
  }
  if (surplus.length > 0) {
    options.logger.info(`Closed ${surplus.length} connections to fall within max_connections`);
  }
}
