import { STREAM_DEFAULTS, type StreamConfig } from "@ganglion/protocol";
import { invalidStreamConfig } from "../api/api-fault.js";

/**
 * Checks counters, TTLs, schedules and persist mode of a stream, and turns on what they need.
 *
 * @param pedantic - refuse instead of turning on.
 * @throws ApiFault. Source: nats-server stream.go `checkStreamCfg`.
 */
export function checkFeatures(config: StreamConfig, pedantic: boolean): StreamConfig {
  checkCounter(config);
  const withMarkers = checkDeleteMarkers(config, pedantic);
  const withSchedules = checkSchedules(withMarkers, pedantic);
  checkPersistMode(withSchedules);
  return withSchedules;
}

function checkCounter(config: StreamConfig): void {
  if (config.allow_msg_counter !== true) return;
  if (config.discard === "new") throw invalidStreamConfig("counter stream cannot use discard new");
  if (config.allow_msg_ttl) throw invalidStreamConfig("counter stream cannot use message TTLs");
  if (config.allow_msg_schedules === true) {
    throw invalidStreamConfig("counter stream cannot use message schedules");
  }
  if (config.retention !== "limits") {
    throw invalidStreamConfig("counter stream can only use limits retention");
  }
}

function checkDeleteMarkers(config: StreamConfig, pedantic: boolean): StreamConfig {
  const { subject_delete_marker_ttl: ttl = 0 } = config;
  if (ttl < 0) throw invalidStreamConfig("subject delete marker TTL must not be negative");
  if (ttl === 0) return config;
  if (ttl < STREAM_DEFAULTS.minSubjectDeleteMarkerTtlNs) {
    throw invalidStreamConfig("subject delete marker TTL must be at least 1 second");
  }
  if (pedantic && !config.allow_msg_ttl) {
    throw invalidStreamConfig("subject delete marker cannot be set if message TTLs are disabled");
  }
  if (pedantic && !config.allow_rollup_hdrs) {
    throw invalidStreamConfig("subject delete marker cannot be set if roll-ups are disabled");
  }
  return { ...withRollups(config), allow_msg_ttl: true };
}

function checkSchedules(config: StreamConfig, pedantic: boolean): StreamConfig {
  if (config.allow_msg_schedules !== true) return config;
  if (config.discard === "new") throw invalidStreamConfig("message scheduling cannot use discard new");
  if (pedantic && !config.allow_rollup_hdrs) {
    throw invalidStreamConfig("message scheduling cannot be set if roll-ups are disabled");
  }
  return withRollups(config);
}

function withRollups(config: StreamConfig): StreamConfig {
  return config.allow_rollup_hdrs ? config : { ...config, allow_rollup_hdrs: true, deny_purge: false };
}

function checkPersistMode(config: StreamConfig): void {
  if (config.persist_mode !== "async") return;
  if (config.storage !== "file") {
    throw invalidStreamConfig("async persist mode is only supported on file storage");
  }
  if (config.num_replicas > 1) {
    throw invalidStreamConfig("async persist mode is not supported on replicated streams");
  }
  if (config.allow_atomic === true) {
    throw invalidStreamConfig("async persist mode is not supported with atomic batch publish");
  }
}
