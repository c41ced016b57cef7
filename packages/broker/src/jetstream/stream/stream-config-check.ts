import { isDeepStrictEqual } from "node:util";
import {
  filtersOverlap,
  formatGoDuration,
  isSubsetFilter,
  isValidFilter,
  type RepublishConfig,
  STREAM_DEFAULTS,
  type StreamConfig,
} from "@ganglion/protocol";
import { compileSubjectTransform } from "../../routing/subject-transform.js";
import { type ApiFault, apiFault, invalidStreamConfig } from "../api/api-fault.js";
import { checkFeatures } from "./feature-config-check.js";
import { checkOrigins, type FindStreamConfig } from "./origin-config-check.js";

/** What an account asks of the size of its streams. -1 or 0: no limit. */
export interface StreamSizeRules {
  readonly maxBytesRequired: boolean;
  readonly maxStreamBytes: number;
  /** Longest dedupe window. @default no limit */
  readonly maxDuplicateWindowNs?: number | undefined;
}

/** What a stream configuration is checked against. */
export interface StreamRules extends StreamSizeRules {
  readonly findStream: FindStreamConfig;
  /** Refuse what would be changed silently. */
  readonly pedantic: boolean;
}

/**
 * Checks a stream configuration and fills in defaults.
 *
 * @throws ApiFault with the error and words of nats-server, in its order.
 * Source: nats-server stream.go `checkStreamCfg`.
 */
export function checkStreamConfig(given: StreamConfig, rules: StreamRules): StreamConfig {
  checkNames(given);
  if (rules.pedantic) checkPedantic(given);
  const defaulted = withDefaults(given, rules.maxDuplicateWindowNs);
  checkReplicas(given);
  checkDurations(defaulted);
  checkWindowLimit(defaulted, rules.maxDuplicateWindowNs);
  checkPolicies(defaulted);
  const config = checkOrigins(checkFeatures(defaulted, rules.pedantic), rules);
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

function withDefaults(given: StreamConfig, maxWindowNs = Number.POSITIVE_INFINITY): StreamConfig {
  const orUnlimited = (limit: number) => (limit <= 0 ? -1 : limit);
  const duplicateWindowNs = Math.min(STREAM_DEFAULTS.duplicateWindowNs, maxWindowNs);
  const { subjects, placement, republish, ...rest } = given;
  // What a stream copies was deduplicated where it came from.
  const isCopy = given.mirror !== undefined || given.sources !== undefined;
  const longest =
    given.max_age !== 0 && given.max_age < duplicateWindowNs ? given.max_age : duplicateWindowNs;
  const window = given.duplicate_window ?? (isCopy ? undefined : longest);
  const named = subjects ?? (isCopy ? undefined : [given.name]);
  const isPlaced = placement !== undefined && Object.keys(placement).length > 0;
  return {
    ...rest,
    ...(isPlaced ? { placement } : {}),
    num_replicas: given.num_replicas === 0 ? STREAM_DEFAULTS.replicas : given.num_replicas,
    max_msgs: orUnlimited(given.max_msgs),
    max_msgs_per_subject: orUnlimited(given.max_msgs_per_subject),
    max_bytes: orUnlimited(given.max_bytes),
    max_msg_size: orUnlimited(given.max_msg_size),
    max_consumers: orUnlimited(given.max_consumers),
    ...(named === undefined ? {} : { subjects: named }),
    ...(window === undefined ? {} : { duplicate_window: window }),
    ...(republish === undefined ? {} : { republish: explicitRepublish(republish, given) }),
  };
}

/**
 * A republish with its source. From everything to everything means: as the stream's transform has it.
 */
function explicitRepublish(republish: RepublishConfig, config: StreamConfig): RepublishConfig {
  const { subject_transform: transform, subjects = [] } = config;
  const explicit = { ...republish, src: republish.src ?? ">" };
  const isImplicit = explicit.src === ">" && explicit.dest === ">";
  if (!isImplicit || transform === undefined || subjects.length !== 1 || subjects[0] !== transform.src) {
    return explicit;
  }
  return { ...explicit, src: transform.dest, dest: transform.dest };
}

/** Limits that would be replaced by what they mean. */
function checkPedantic(given: StreamConfig): void {
  const limits = ["max_msgs", "max_msgs_per_subject", "max_bytes", "max_msg_size", "max_consumers"] as const;
  for (const name of limits) {
    if (given[name] < -1) throw apiFault("Pedantic", { err: `${name} must be set to -1` });
  }
  const isDefaultWindow = given.duplicate_window === undefined && given.mirror === undefined;
  const { max_age: maxAge } = given;
  if (
    isDefaultWindow &&
    given.sources === undefined &&
    maxAge !== 0 &&
    maxAge < STREAM_DEFAULTS.duplicateWindowNs
  ) {
    throw apiFault("Pedantic", { err: "duplicate window cannot be bigger than max age" });
  }
  if (given.republish !== undefined && given.republish.src === undefined) {
    throw apiFault("Pedantic", { err: "republish source can not be empty" });
  }
}

function checkReplicas({ num_replicas: replicas }: StreamConfig): void {
  if (replicas > STREAM_DEFAULTS.maxReplicas) {
    throw invalidStreamConfig(`maximum replicas is ${STREAM_DEFAULTS.maxReplicas}`);
  }
  if (replicas < 0) throw apiFault("ReplicasCountCannotBeNegative");
}

function checkDurations({ max_age: maxAge, duplicate_window: window = 0 }: StreamConfig): void {
  if (maxAge < 0) throw invalidStreamConfig("max age can not be negative");
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

function checkWindowLimit({ duplicate_window: window = 0 }: StreamConfig, limitNs = 0): void {
  if (limitNs > 0 && window > limitNs) {
    throw invalidStreamConfig(
      `duplicates window can not be larger then server limit of ${formatGoDuration(limitNs)}`,
    );
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
  if (transform !== undefined && transform.src !== "" && !isValidFilter(transform.src)) {
    throw apiFault("StreamTransformInvalidSource", { err: `invalid subject ${transform.src}` });
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
  if (given.storage !== old.storage) return refuse("change storage type");
  const isWorkqueue = old.retention === "workqueue" || given.retention === "workqueue";
  if (given.retention !== old.retention && isWorkqueue) {
    return refuse("change retention policy to/from workqueue");
  }
  if (old.sealed && !given.sealed) return refuse("unseal a sealed stream");
  if (old.deny_delete && !given.deny_delete) return refuse("cancel deny message deletes");
  if (old.deny_purge && !given.deny_purge) return refuse("cancel deny purge");
  // A mirror may become a stream of its own.
  if (given.mirror !== undefined && !isDeepStrictEqual(given.mirror, old.mirror)) {
    return apiFault("StreamMirrorNotUpdatable");
  }
  if (old.allow_msg_ttl && !given.allow_msg_ttl) {
    return invalidStreamConfig("message TTL status can not be disabled");
  }
  if (given.allow_msg_counter !== old.allow_msg_counter) return refuse("change message counter setting");
  if (old.allow_msg_schedules === true && given.allow_msg_schedules !== true) {
    return invalidStreamConfig("message schedules can not be disabled");
  }
  if (given.persist_mode !== old.persist_mode) return refuse("change persist mode");
  return undefined;
}
