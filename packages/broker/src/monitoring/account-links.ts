import type { Account } from "../accounts/account.js";
import type { AccountLinkConfig } from "../accounts/account-links.js";
import type { ExportConfig, LatencyConfig, ResponseType } from "../config/blocks/account-exports.js";
import type { ImportConfig } from "../config/blocks/account-imports.js";
import { unlessEmpty } from "./monitoring-format.js";

/** Source: nats-server accounts.go `ServiceRespType.String`. */
const RESPONSE_TYPES: Readonly<Record<ResponseType, string>> = {
  singleton: "Singleton",
  stream: "Streamed",
  chunked: "Chunked",
};

/** What an account shares with others and maps. Source: nats-server monitor.go `ExtExport`, `ExtImport`, `ExtMap`. */
export function accountLinks({ mappings }: Account, links: AccountLinkConfig | undefined) {
  const mapped = (mappings?.configs ?? []).map(({ source, destinations }) => [
    source,
    destinations.map(({ subject, weight, cluster }) => ({ subject, weight, cluster })),
  ]);
  return {
    mappings: mapped.length === 0 ? undefined : (Object.fromEntries(mapped) as Record<string, unknown>),
    exports: unlessEmpty((links?.exports ?? []).map(exportDetail)),
    imports: unlessEmpty((links?.imports ?? []).map(importDetail)),
  };
}

function exportDetail(config: ExportConfig) {
  const shared = {
    subject: config.subject,
    type: config.kind,
    approved_accounts: config.accounts && unlessEmpty(config.accounts),
    account_token_position: config.accountTokenPosition,
  };
  if (config.kind === "stream") return shared;
  const { responseType = "singleton", latency } = config;
  return {
    ...shared,
    response_type: RESPONSE_TYPES[responseType],
    service_latency: latency && latencyDetail(latency),
  };
}

function latencyDetail({ sampling, subject }: LatencyConfig) {
  return { sampling: sampling === "headers" ? 0 : sampling, results: subject };
}

function importDetail(config: ImportConfig) {
  const { kind, subject, account } = config;
  const shared = { subject, account, type: kind, invalid: false, tracking: false };
  if (kind === "service") return { ...shared, to: config.to, local_subject: config.to, share: config.share };
  const { prefix, to = prefix === undefined ? subject : `${prefix}.${subject}` } = config;
  return { ...shared, local_subject: to, share: false };
}
