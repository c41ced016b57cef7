import type { LatencyConfig, ResponseType, ServiceExportConfig } from "../config/blocks/account-exports.js";
import type { Account } from "./account.js";

/** Source: nats-server const.go `DEFAULT_SERVICE_EXPORT_RESPONSE_THRESHOLD`. */
const DEFAULT_THRESHOLD_MS = 120_000;

/** A service that an account lets others use. */
export class SharedService {
  readonly responseType: ResponseType;
  /** Time an answer may take, or the time between two of them. */
  readonly thresholdMs: number;
  readonly latency: LatencyConfig | undefined;

  constructor(
    readonly exporter: Account,
    readonly config: ServiceExportConfig,
  ) {
    this.responseType = config.responseType ?? "singleton";
    this.thresholdMs = config.responseThresholdMs || DEFAULT_THRESHOLD_MS;
    this.latency = config.latency;
  }
}
