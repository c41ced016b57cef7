import {
  filtersOverlap,
  isSubsetFilter,
  isValidFilter,
  STREAM_DEFAULTS,
  type StreamConfig,
} from "@ganglion/protocol";
import { type ApiFault, apiFault, invalidStreamConfig } from "../api/api-fault.js";
import { compileSubjectTransform } from "./subject-transform.js";

/** What an account asks of the size of its streams. -1 or 0: no limit. */
export interface StreamSizeRules {
  readonly maxBytesRequired: boolean;
  readonly maxStreamBytes: number;
}

/**
 * Checks a stream configuration and fills in defaults.
 *
 * @throws ApiFault with the error and words of nats-server, in its order.
 * Source: nats-server stream.go `checkStreamCfg`.
 */
export function checkStreamConfig(given: StreamConfig, rules: StreamSizeRules): StreamConfig {
  checkNames(given);
  const config = withDefaults(given);
  checkReplicas(given);
  checkDurations(config);
  checkPolicies(config);
  if (config.mirror !== undefined || config.sources !== undefined) {
    throw invalidStreamConfig("mirrors and sources are not supported by this server");
  }
  for (const subject of config.subjects ?? []) checkSubject(subject, config);
  checkDuplicates(config.subjects ?? []);
  if (rules.maxBytesRequired && config.max_bytes <= 0) throw apiFault("StreamMaxBytesRequired");
  if (rules.maxStreamBytes > 0 && config.max_bytes > rules.maxStreamBytes) {
    throw apiFault("StreamMaxStreamBytesExceeded");
  }
  checkOverlaps(config.subjects ?? []);
  checkTransforms(config);
  return config;
}

/** Whether `name` can name a stream or consumer. Source: nats-server jetstream.go `isValidName`. */
export function isValidName(name: string): boolean {
  return name !== "" && !/[ \t\r\n\f.*>]/.test(name);
}

function checkNames({ name, description, metadata }: StreamConfig): void {
  const { maxNameSizeBytes, maxDescriptionSizeBytes, maxMetadataSizeBytes } = STREAM_DEFAULTS;
  if (!isValidName(name)) {
    throw invalidStreamConfig("stream name is required and can not contain '.', '*', '>'");
  }
  if (Buffer.byteLength(name) > maxNameSizeBytes) {
    throw invalidStreamConfig(`stream name is too long, maximum allowed is ${maxNameSizeBytes}`);
  }
  if (Buffer.byteLength(description ?? "") > maxDescriptionSizeBytes) {
    throw invalidStreamConfig(
      `stream description is too long, maximum allowed is ${maxDescriptionSizeBytes}`,
    );
  }
  if (metadataSizeBytes(metadata) > maxMetadataSizeBytes) {
    throw invalidStreamConfig(`stream metadata exceeds maximum size of ${maxMetadataSizeBytes} bytes`);
  }
}

/** Size of metadata as nats-server counts it: all keys and values. */
export function metadataSizeBytes(metadata: Readonly<Record<string, string>> = {}): number {
  let sizeBytes = 0;
  for (const [key, value] of Object.entries(metadata))
    sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  return sizeBytes;
}

function withDefaults(given: StreamConfig): StreamConfig {
  const orUnlimited = (limit: number) => (limit === 0 ? -1 : limit);
  const { duplicateWindowNs } = STREAM_DEFAULTS;
  const window = given.max_age !== 0 && given.max_age < duplicateWindowNs ? given.max_age : duplicateWindowNs;
  const republish = given.republish;
  return {
    ...given,
    num_replicas: given.num_replicas === 0 ? STREAM_DEFAULTS.replicas : given.num_replicas,
    max_msgs: orUnlimited(given.max_msgs),
    max_msgs_per_subject: orUnlimited(given.max_msgs_per_subject),
    max_bytes: orUnlimited(given.max_bytes),
    max_msg_size: orUnlimited(given.max_msg_size),
    max_consumers: orUnlimited(given.max_consumers),
    subjects: given.subjects ?? [given.name],
    duplicate_window: given.duplicate_window ?? window,
    ...(republish === undefined ? {} : { republish: { ...republish, src: republish.src ?? ">" } }),
  };
}

function checkReplicas({ num_replicas: replicas }: StreamConfig): void {
  if (replicas > STREAM_DEFAULTS.maxReplicas) {
    throw invalidStreamConfig(`maximum replicas is ${STREAM_DEFAULTS.maxReplicas}`);
  }
  if (replicas < 0) throw apiFault("ReplicasCountCannotBeNegative");
}

function checkDurations({ max_age: maxAge, duplicate_window: window = 0 }: StreamConfig): void {
  if (maxAge > 0 && maxAge < STREAM_DEFAULTS.minMaxAgeNs) {
    throw invalidStreamConfig("max age needs to be >= 100ms");
  }
  if (window < 0) throw invalidStreamConfig("duplicates window can not be negative");
  if (maxAge !== 0 && window > maxAge) {
    throw invalidStreamConfig("duplicates window can not be larger then max age");
  }
  if (window > 0 && window < STREAM_DEFAULTS.minDuplicateWindowNs) {
    throw invalidStreamConfig("duplicates window needs to be >= 100ms");
  }
}

function checkPolicies(config: StreamConfig): void {
  if (config.deny_purge && config.allow_rollup_hdrs) {
    throw invalidStreamConfig("roll-ups require the purge permission");
  }
  if (config.discard_new_per_subject !== true) return;
  if (config.discard !== "new") {
    throw invalidStreamConfig("discard new per subject requires discard new policy to be set");
  }
  if (config.max_msgs_per_subject <= 0) {
    throw invalidStreamConfig("discard new per subject requires max msgs per subject > 0");
  }
}

/** Subjects of the server that a stream takes only without acknowledging. */
const API_NAMESPACES = ["$JS.>", "$JSC.>", "$NRG.>"];

function checkSubject(subject: string, { no_ack: noAck, num_replicas: replicas }: StreamConfig): void {
  if (!isValidFilter(subject)) throw invalidStreamConfig("invalid subject");
  if (subject === ">") {
    if (noAck !== true) throw invalidStreamConfig("capturing all subjects requires no-ack to be true");
    if (replicas !== 1) throw invalidStreamConfig("capturing all subjects requires replicas of 1");
  }
  if (noAck === true) return;
  const overlapsApi = API_NAMESPACES.some((namespace) => filtersOverlap(subject, namespace));
  if (overlapsApi && !isSubsetFilter(subject, "$JS.EVENT.>")) {
    throw invalidStreamConfig("subjects that overlap with jetstream api require no-ack to be true");
  }
  if (filtersOverlap(subject, "$SYS.>") && !isSubsetFilter(subject, "$SYS.ACCOUNT.>")) {
    throw invalidStreamConfig("subjects that overlap with system api require no-ack to be true");
  }
}

function checkDuplicates(subjects: readonly string[]): void {
  if (new Set(subjects).size !== subjects.length) throw invalidStreamConfig("duplicate subjects detected");
}

function checkOverlaps(subjects: readonly string[]): void {
  for (const subject of subjects) {
    for (const other of subjects) {
      if (other !== subject && filtersOverlap(other, subject)) {
        throw invalidStreamConfig(
          `subject ${JSON.stringify(subject)} overlaps with ${JSON.stringify(other)}`,
        );
      }
    }
  }
}

function checkTransforms(config: StreamConfig): void {
  const { republish, subject_transform: transform, subjects = [] } = config;
  if (republish !== undefined) {
    if (subjects.some((subject) => filtersOverlap(republish.dest, subject))) {
      throw invalidStreamConfig("stream configuration for republish destination forms a cycle");
    }
    if (compileSubjectTransform(republish.src ?? "", republish.dest) === undefined) {
      throw invalidStreamConfig(
        `stream configuration for republish with transform from '${republish.src}' to '${republish.dest}' not valid`,
      );
    }
  }
  if (transform !== undefined && compileSubjectTransform(transform.src, transform.dest) === undefined) {
    throw apiFault("StreamTransformInvalidDestination", { err: "invalid subject" });
  }
}

/**
 * Checks that a stream may change from `old` to `given`, and fills in what follows from being sealed.
 *
 * @throws ApiFault. Source: nats-server stream.go `configUpdateCheck`.
 */
export function checkStreamUpdate(old: StreamConfig, given: StreamConfig): StreamConfig {
  const refusal = updateRefusal(old, given);
  if (refusal !== undefined) throw refusal;
  if (!given.sealed) return given;
  return {
    ...given,
    max_age: 0,
    discard: "new",
    deny_delete: true,
    deny_purge: true,
    allow_rollup_hdrs: false,
  };
}

function updateRefusal(old: StreamConfig, given: StreamConfig): ApiFault | undefined {
  const refuse = (what: string) => invalidStreamConfig(`stream configuration update can not ${what}`);
  if (given.max_consumers !== old.max_consumers) return refuse("change MaxConsumers");
  if (given.storage !== old.storage) return refuse("change storage type");
  const isWorkqueue = old.retention === "workqueue" || given.retention === "workqueue";
  if (given.retention !== old.retention && isWorkqueue) {
    return refuse("change retention policy to/from workqueue");
  }
  if (old.sealed && !given.sealed) return refuse("unseal a sealed stream");
  if (old.deny_delete && !given.deny_delete) return refuse("cancel deny message deletes");
  if (old.deny_purge && !given.deny_purge) return refuse("cancel deny purge");
  return undefined;
}
