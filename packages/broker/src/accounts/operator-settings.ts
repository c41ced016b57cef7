import { readFileSync } from "node:fs";
import { isGanglionError } from "@ganglion/kernel";
import { decodeAccountClaims } from "../auth/jwt/account-claims.js";
import {
  decodeOperatorClaims,
  type OperatorClaims,
  operatorClaimFaults,
} from "../auth/jwt/operator-claims.js";
import { saysNothing } from "../auth/jwt/permission-claims.js";
import { undecorated } from "../auth/jwt/token.js";
import { decodeUserClaims } from "../auth/jwt/user-claims.js";
import { isNkey } from "../auth/nkey.js";
import type { BrokerConfig } from "../config/schema.js";
import { brokerError } from "../errors.js";
import { REPORTED_VERSION } from "../version.js";

/** The part of a configuration that turns operator mode on. */
export type OperatorConfig = Pick<
  BrokerConfig,
  | "operators"
  | "trustedKeys"
  | "resolver"
  | "resolverPreload"
  | "resolverPinnedAccounts"
  | "resolverTls"
  | "systemAccount"
  | "defaultSentinel"
>;

/** What the configuration says, with the JWTs in it decoded. */
export interface OperatorSettings {
  readonly operators: readonly OperatorClaims[];
  /** Public key of the system account; undefined where nothing names one. */
  readonly systemAccount: string | undefined;
  /** The only accounts that may be used; undefined: all. */
  readonly pinnedAccounts: ReadonlySet<string> | undefined;
}

/**
 * Reads the JWTs that a configuration names and checks that everything fits together.
 *
 * @throws GanglionError `INVALID_BROKER_OPTIONS` with all faults.
 * Source: nats-server jwt.go `validateTrustedOperators`, server.go `configureResolver`.
 */
export function readOperatorSettings(config: OperatorConfig): OperatorSettings {
  const faults: string[] = [];
  const operators = (config.operators ?? []).flatMap((given) => readOperator(given, faults));
  const [first] = operators;
  const systemAccount = config.systemAccount ?? (first?.systemAccount || undefined);
  const pinned = config.resolverPinnedAccounts ?? [];
  faults.push(
    ...operators.flatMap(versionFaults),
    ...resolverFaults(config, systemAccount),
    ...sentinelFaults(config.defaultSentinel),
    ...systemAccountFaults(config, operators),
    ...pinned
      .filter((key) => !isNkey(key, "account"))
      .map((key) => `pinned account "${key}" is not the key of an account`),
  );
  if (faults.length > 0) {
    throw brokerError("INVALID_BROKER_OPTIONS", `Invalid broker options: ${faults.join("; ")}`, {
      details: { faults },
    });
  }
  const own = systemAccount === undefined ? [] : [systemAccount];
  return {
    operators,
    systemAccount,
    pinnedAccounts: pinned.length > 0 ? new Set([...pinned, ...own]) : undefined,
  };
}

/** A JWT, or the path of a file that holds one. */
function readOperator(given: string, faults: string[]): readonly OperatorClaims[] {
  try {
    const contents = given.startsWith("eyJ") ? given : readFileSync(given, "utf8");
    const claims = decodeOperatorClaims(undecorated(contents));
    faults.push(...operatorClaimFaults(claims));
    return [claims];
  } catch (error) {
    const name = given.startsWith("eyJ") ? "the operator" : `operator "${given}"`;
    faults.push(`${name} cannot be read: ${(error as Error).message}`);
    return [];
  }
}

function versionFaults({ subject, assertServerVersion }: OperatorClaims): readonly string[] {
  if (assertServerVersion === "") return [];
  const [wanted, own] = [assertServerVersion, REPORTED_VERSION].map((text) => text.split(".").map(Number));
  const difference =
    [0, 1, 2].map((i) => (wanted?.[i] ?? 0) - (own?.[i] ?? 0)).find((part) => part !== 0) ?? 0;
  return difference > 0
    ? [`operator ${subject} expects version ${assertServerVersion} > ${REPORTED_VERSION}`]
    : [];
}

function resolverFaults(config: OperatorConfig, systemAccount: string | undefined): readonly string[] {
  const { operators, resolver, resolverPreload } = config;
  const faults: string[] = [];
  if (operators !== undefined && resolver === undefined) faults.push("operators need a resolver");
  const isDirectory = resolver?.kind === "full" || resolver?.kind === "cache";
  if (isDirectory && operators === undefined)
    faults.push(`a resolver of type ${resolver.kind} needs operators`);
  if (isDirectory && systemAccount === undefined) {
    faults.push(
      `a resolver of type ${resolver.kind} needs a system_account, in the configuration or the operator`,
    );
  }
  if (resolver?.kind === "url" && resolverPreload !== undefined)
    faults.push("resolver_preload needs a resolver that can be written: MEMORY, full or cache");
  for (const [key, token] of resolverPreload ?? []) {
    const fault = faultOf(() => decodeAccountClaims(token));
    if (fault !== undefined) faults.push(`preloaded account "${key}" cannot be read: ${fault}`);
  }
  return faults;
}

function sentinelFaults(token: string | undefined): readonly string[] {
  if (token === undefined) return [];
  try {
    const { limits, issuerAccount } = decodeUserClaims(token);
    // A user of a scoped signing key may get the right from its scope.
    const mayBeScoped = issuerAccount !== "" && saysNothing(limits);
    return limits.isBearer || mayBeScoped ? [] : ["default_sentinel must be a bearer token"];
  } catch (error) {
    if (!isGanglionError(error, "INVALID_JWT")) throw error;
    return [`default_sentinel cannot be read: ${error.message}`];
  }
}

function systemAccountFaults({ systemAccount }: OperatorConfig, operators: readonly OperatorClaims[]) {
  if (systemAccount === undefined) return [];
  const named = operators.map((operator) => operator.systemAccount).filter((key) => key !== "");
  return named.length > 0 && !named.includes(systemAccount)
    ? ["system_account of the configuration and of the operator must be the same"]
    : [];
}

function faultOf(decode: () => unknown): string | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (isGanglionError(error, "INVALID_JWT")) return error.message;
    throw error;
  }
}
