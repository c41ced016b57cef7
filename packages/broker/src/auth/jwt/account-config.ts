import type { ExportConfig } from "../../config/blocks/account-exports.js";
import type { ImportConfig } from "../../config/blocks/account-imports.js";
import type { AccountConfig, AccountJetStreamConfig } from "../../config/blocks/accounts.js";
import type { AccountClaims, JetStreamTiers } from "./account-claims.js";
import type { ExportClaim } from "./link-claims.js";

/** Tier of streams with one replica: all that a broker without peers can have. */
const SINGLE_REPLICA_TIER = "R1";

/**
 * The account of a claim in the form in which a configuration file gives accounts.
 *
 * @param imports - those that the exporting accounts allow.
 */
export function accountConfigOf(claims: AccountClaims, imports: readonly ImportConfig[]): AccountConfig {
  const { limits, jetStream, trace, defaultPermissions } = claims;
  return {
    name: claims.subject,
    nkey: claims.subject,
    users: [],
    ...(defaultPermissions && { defaultPermissions }),
    imports,
    exports: claims.exports.map(exportConfigOf),
    mappings: claims.mappings,
    limits: {
      maxConnections: limits.connections,
      maxSubscriptions: limits.subscriptions,
      maxPayloadBytes: limits.payloadBytes,
      maxLeafNodes: limits.leafNodes,
    },
    jetstream: jetStream.get("") ?? tieredLimits(jetStream) ?? false,
    ...(trace && { messageTrace: trace }),
  };
}

function tieredLimits(tiers: JetStreamTiers): AccountJetStreamConfig | undefined {
  const limits = tiers.get(SINGLE_REPLICA_TIER);
  return limits && { ...limits, tier: SINGLE_REPLICA_TIER };
}

/** Who may import is decided when the imports are linked, so the export names no accounts. */
function exportConfigOf(one: ExportClaim): ExportConfig {
  const { kind, subject, accountTokenPosition, responseThresholdMs, latency } = one;
  const rules = { subject, ...(accountTokenPosition > 0 && { accountTokenPosition }) };
  if (kind === "stream") return { kind, ...rules };
  return {
    kind,
    ...rules,
    responseType: one.responseType,
    ...(responseThresholdMs > 0 && { responseThresholdMs }),
    ...(latency && { latency }),
    ...(one.allowTrace && { allowTrace: true }),
  };
}
