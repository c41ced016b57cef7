import type { AccountJetStreamConfig } from "../../config/blocks/accounts.js";
import type { MappingConfig } from "../../config/blocks/mappings.js";
import type { PermissionRules } from "../permission-rules.js";
import type { ClaimObject } from "./claim-object.js";
import { invalidJwt } from "./claim-object.js";
import { type ExportClaim, type ImportClaim, readExports, readImports } from "./link-claims.js";
import { readPermissions, readUserPermissionLimits, type UserPermissionLimits } from "./permission-claims.js";
import { type ClaimsData, decodeClaims } from "./token.js";

/** What an account may use. -1: no limit; 0: nothing. */
export interface AccountClaimLimits {
  readonly imports: number;
  readonly exports: number;
  readonly wildcardExports: boolean;
  readonly disallowBearer: boolean;
  readonly connections: number;
  readonly leafNodes: number;
  readonly subscriptions: number;
  readonly dataBytes: number;
  readonly payloadBytes: number;
}

/** Limits of JetStream: without tiers under the name "", else by the name of the tier (R1, R3). */
export type JetStreamTiers = ReadonlyMap<string, AccountJetStreamConfig>;

/** A signing key that gives all its users the same permissions. */
export interface UserScope {
  readonly key: string;
  readonly role: string;
  readonly template: UserPermissionLimits;
}

/** Who besides the JWT decides about users: a service. */
export interface ExternalAuthorization {
  readonly authUsers: readonly string[];
  readonly allowedAccounts: readonly string[];
  readonly xkey: string;
}

/** What an operator says of an account. */
export interface AccountClaims extends ClaimsData {
  readonly imports: readonly ImportClaim[];
  readonly exports: readonly ExportClaim[];
  readonly limits: AccountClaimLimits;
  readonly jetStream: JetStreamTiers;
  /** Keys that sign users, each with its scope if it has one. */
  readonly signingKeys: ReadonlyMap<string, UserScope | undefined>;
  /** By the user's public key or "*": users whose JWT was issued until then, in seconds since 1970, are out. */
  readonly revocations: ReadonlyMap<string, number>;
  readonly defaultPermissions?: PermissionRules;
  readonly mappings: readonly MappingConfig[];
  readonly authorization: ExternalAuthorization;
  /** Where traces of messages go, and for how many percent of them. */
  readonly trace?: { readonly destination: string; readonly sampling: number };
  readonly clusterTraffic: string;
}

/** Decodes an account JWT. @throws GanglionError `INVALID_JWT`. */
export function decodeAccountClaims(token: string): AccountClaims {
  const { data, nats } = decodeClaims(token, "account");
  const isFirst = data.version === 1;
  const limits = nats.object("limits");
  // Version 1 knows no JetStream.
  const jetStream: JetStreamTiers = isFirst ? new Map() : readJetStream(limits);
  const defaultPermissions = isFirst ? undefined : readPermissions(nats.object("default_permissions"));
  const authorization = nats.object("authorization");
  const trace = nats.has("trace") ? nats.object("trace") : undefined;
  return {
    ...data,
    imports: readImports(nats),
    exports: readExports(nats),
    limits: readLimits(limits),
    jetStream,
    signingKeys: readSigningKeys(nats),
    revocations: nats.integers("revocations"),
    ...(defaultPermissions && { defaultPermissions }),
    mappings: isFirst ? [] : readMappings(nats),
    authorization: {
      authUsers: authorization.texts("auth_users"),
      allowedAccounts: authorization.texts("allowed_accounts"),
      xkey: authorization.text("xkey"),
    },
    ...(trace && {
      trace: { destination: trace.text("dest"), sampling: trace.integer("sampling") || 100 },
    }),
    clusterTraffic: nats.text("cluster_traffic"),
  };
}

function readLimits(given: ClaimObject): AccountClaimLimits {
  return {
    imports: given.integer("imports"),
    exports: given.integer("exports"),
    wildcardExports: given.flag("wildcards"),
    disallowBearer: given.flag("disallow_bearer"),
    connections: given.integer("conn"),
    leafNodes: given.integer("leaf"),
    subscriptions: given.integer("subs"),
    dataBytes: given.integer("data"),
    payloadBytes: given.integer("payload"),
  };
}

/** Source: nats-server accounts.go `updateAccountClaimsWithRefresh`, at `IsJSEnabled`. */
function readJetStream(given: ClaimObject): JetStreamTiers {
  const tiers: [string, ClaimObject][] = [...given.entries("tiered_limits")].map(([name, tier]) => [
    name,
    tier,
  ]);
  const named = tiers.length > 0 ? tiers : [["", given] as const];
  const isOn = named.some(
    ([, tier]) => tier.integer("mem_storage") !== 0 || tier.integer("disk_storage") !== 0,
  );
  return new Map(isOn ? named.map(([name, tier]) => [name, readTier(tier)]) : []);
}

function readTier(given: ClaimObject): AccountJetStreamConfig {
  const positive = (key: string) => Math.max(given.integer(key), 0) || -1;
  return {
    maxMemoryBytes: given.integer("mem_storage"),
    maxStoreBytes: given.integer("disk_storage"),
    maxStreams: given.integer("streams"),
    maxConsumers: given.integer("consumer"),
    maxBytesRequired: given.flag("max_bytes_required"),
    memoryMaxStreamBytes: positive("mem_max_stream_bytes"),
    storeMaxStreamBytes: positive("disk_max_stream_bytes"),
    maxAckPending: positive("max_ack_pending"),
  };
}

/** A key, or an object with a key and what its users may. Source: nats-io/jwt signingkeys.go `UnmarshalJSON`. */
function readSigningKeys(nats: ClaimObject): ReadonlyMap<string, UserScope | undefined> {
  const keys = new Map<string, UserScope | undefined>();
  const objects = nats.list("signing_keys").flatMap((key, i) => {
    if (typeof key !== "string") return [nats.inList("signing_keys", i)];
    keys.set(key, undefined);
    return [];
  });
  for (const scope of objects) {
    if (scope.text("kind") !== "user_scope")
      throw invalidJwt(`unknown scope "${scope.text("kind")}" of a signing key`);
    const key = scope.text("key");
    const template = readUserPermissionLimits(scope.object("template"), -1);
    keys.set(key, { key, role: scope.text("role"), template });
  }
  return keys;
}

function readMappings(nats: ClaimObject): readonly MappingConfig[] {
  const bySource = nats.object("mappings");
  return bySource.keys().map((source) => ({
    source,
    destinations: bySource.objects(source).map((to) => {
      const cluster = to.text("cluster");
      // 0 is what is left out. Source: nats-io/jwt account_claims.go `GetWeight`.
      return {
        subject: to.text("subject"),
        weight: to.integer("weight") || 100,
        ...(cluster && { cluster }),
      };
    }),
  }));
}
