import { createHash } from "node:crypto";
import {
  filtersOverlap,
  isSubsetFilter,
  isValidFilter,
  isValidSubject,
  type StreamConfig,
  type StreamSourceConfig,
  type SubjectTransformConfig,
} from "@ganglion/protocol";
import { compileSubjectTransform } from "../../routing/subject-transform.js";
import { apiFault, invalidStreamConfig } from "../api/api-fault.js";

/** Finds the configuration of another stream of the account. */
export type FindStreamConfig = (name: string) => StreamConfig | undefined;

/**
 * Checks what a stream copies from, and fills in what a mirror inherits.
 *
 * @throws ApiFault. Source: nats-server stream.go `checkStreamCfg`.
 */
export function checkOrigins(
  config: StreamConfig,
  options: { readonly findStream: FindStreamConfig; readonly pedantic: boolean },
): StreamConfig {
  const { mirror, sources = [] } = config;
  if (mirror !== undefined) checkMirror(config, mirror, options.findStream);
  if (sources.length > 0 && config.allow_msg_schedules === true) throw apiFault("SourceWithMsgSchedules");
  const indexNames = new Set<string>();
  const consumerNames = new Set<string>();
  for (const source of sources) {
    checkSource(config, source, options.findStream);
    const { consumer } = source;
    const consumerName = consumer && `${source.name} ${source.external?.api} ${consumer.name}`;
    if (consumerName !== undefined && consumerNames.has(consumerName))
      throw apiFault("SourceDurableConsumerDuplicateDetected");
    if (consumerName !== undefined) consumerNames.add(consumerName);
    const indexName = sourceIndexName(source);
    if (indexNames.has(indexName)) throw apiFault("SourceDuplicateDetected");
    indexNames.add(indexName);
  }
  const origins = [...(mirror === undefined ? [] : [mirror]), ...sources];
  checkExternals(origins, options.findStream);
  checkCycles(config, options.findStream);
  return mirror?.external === undefined ? withInheritedDirect(config, options) : config;
}

/** Tells sources of one stream apart, also those with one name. Source: nats-server stream.go `composeIName`. */
export function sourceIndexName({
  name,
  external,
  filter_subject: filter,
  subject_transforms: transforms = [],
  consumer,
}: StreamSourceConfig): string {
  const account = external === undefined ? "" : `:${shortHash(external.api)}`;
  const origin = `${name}${account}${consumer === undefined ? "" : `:C=${shortHash(consumer.name)}`}`;
  if (transforms.length === 0) return `${origin} ${filter ?? ">"} >`;
  const orAll = (subject: string) => (subject === "" ? ">" : subject);
  const from = transforms.map(({ src }) => orAll(src)).join("\f");
  return `${origin} ${from} ${transforms.map(({ dest }) => orAll(dest)).join("\f")}`;
}

const HASH_LENGTH = 8;

/** Source: nats-server events.go `getHash`. */
function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("base64url").replace(/[-_]/g, "0").slice(0, HASH_LENGTH);
}

function checkMirror(config: StreamConfig, mirror: StreamSourceConfig, findStream: FindStreamConfig): void {
  if (config.first_seq !== undefined) throw apiFault("MirrorWithFirstSeq");
  if ((config.subjects ?? []).length > 0) throw apiFault("MirrorWithSubjects");
  if (config.sources !== undefined) throw apiFault("MirrorWithSources");
  if (config.allow_msg_counter === true) throw apiFault("MirrorWithCounters");
  if (config.allow_atomic === true) throw apiFault("MirrorWithAtomicPublish");
  if (config.allow_batched === true) throw apiFault("MirrorWithBatchPublish");
  if (config.allow_msg_schedules === true) throw apiFault("MirrorWithMsgSchedules");
  const { filter_subject: filter, subject_transforms: transforms = [], external, name } = mirror;
  if (mirror.opt_start_seq !== undefined && mirror.opt_start_time !== undefined) {
    throw apiFault("MirrorWithStartSeqAndTime");
  }
  if (filter !== undefined && transforms.length > 0) throw apiFault("MirrorMultipleFiltersNotAllowed");
  if ((config.subject_delete_marker_ttl ?? 0) > 0) {
    throw invalidStreamConfig("subject delete markers forbidden on mirrors");
  }
  if (!isConsumerValid(mirror)) throw apiFault("MirrorDurableConsumerCfgInvalid");
  if (filter !== undefined && !isValidFilter(filter)) {
    throw apiFault("MirrorInvalidSubjectFilter", { err: `invalid subject ${filter}` });
  }
  checkTransforms(transforms, {
    source: "MirrorInvalidSubjectFilter",
    destination: "MirrorInvalidTransformDestination",
  });
  if (pairsOf(transforms).some(([a, b]) => filtersOverlap(a, b))) {
    throw apiFault("MirrorOverlappingSubjectFilters");
  }
  if (external !== undefined) return;
  if (!isAssetName(name)) throw apiFault("MirrorInvalidStreamName");
  if (isSmaller(config, findStream(name))) throw apiFault("MirrorMaxMessageSizeTooBig");
}

function checkSource(config: StreamConfig, source: StreamSourceConfig, findStream: FindStreamConfig): void {
  const { filter_subject: filter, subject_transforms: transforms = [], external, name } = source;
  if (!isAssetName(name)) throw apiFault("SourceInvalidStreamName");
  if (filter !== undefined && transforms.length > 0) throw apiFault("SourceMultipleFiltersNotAllowed");
  if (filter !== undefined && !isValidFilter(filter)) {
    throw apiFault("SourceInvalidSubjectFilter", { err: `invalid subject ${filter}` });
  }
  checkTransforms(transforms, {
    source: "SourceInvalidSubjectFilter",
    destination: "SourceInvalidTransformDestination",
  });
  if (pairsOf(transforms).some(([a, b]) => isSubsetFilter(a, b))) {
    throw apiFault("SourceOverlappingSubjectFilters");
  }
  if (!isConsumerValid(source)) throw apiFault("SourceDurableConsumerCfgInvalid");
  if (external === undefined && isSmaller(config, findStream(name)))
    throw apiFault("SourceMaxMessageSizeTooBig");
}

/** The `src` of every ordered pair of different transforms. */
function pairsOf(transforms: readonly SubjectTransformConfig[]): [string, string][] {
  return transforms.flatMap((a) =>
    transforms.flatMap((b): [string, string][] => (a === b ? [] : [[a.src, b.src]])),
  );
}

type TransformFault =
  | "MirrorInvalidSubjectFilter"
  | "MirrorInvalidTransformDestination"
  | "SourceInvalidSubjectFilter"
  | "SourceInvalidTransformDestination";

function checkTransforms(
  transforms: readonly SubjectTransformConfig[],
  faults: { readonly source: TransformFault; readonly destination: TransformFault },
): void {
  for (const { src, dest } of transforms) {
    if (src !== "" && !isValidFilter(src)) throw apiFault(faults.source, { err: `invalid subject ${src}` });
    // An empty destination only filters.
    if (dest !== "" && compileSubjectTransform(src, dest) === undefined) {
      throw apiFault(faults.destination, { err: "invalid mapping destination" });
    }
  }
}

/** The consumer knows itself where to begin and what to deliver. */
function isConsumerValid(origin: StreamSourceConfig): boolean {
  const { consumer, opt_start_seq: sequence, opt_start_time: time, filter_subject: filter } = origin;
  if (consumer === undefined) return true;
  const isNamed = isAssetName(consumer.name) && isValidSubject(consumer.deliver_subject);
  return isNamed && sequence === undefined && time === undefined && filter === undefined;
}

function isAssetName(name: string): boolean {
  return name !== "" && !/[ \t\r\n\f.*>\\/]/.test(name);
}

function isSmaller(config: StreamConfig, origin: StreamConfig | undefined): boolean {
  const limit = origin?.max_msg_size ?? 0;
  return config.max_msg_size > 0 && limit > 0 && config.max_msg_size < limit;
}

/** Checks the prefixes under which streams of other accounts and domains are found. */
function checkExternals(origins: readonly StreamSourceConfig[], findStream: FindStreamConfig): void {
  const subjects = origins.flatMap(({ external, name }) =>
    external === undefined ? (findStream(name)?.subjects ?? []) : [],
  );
  for (const { external } of origins) {
    const deliver = external?.deliver ?? "";
    if (deliver === "") continue;
    if (!isValidSubject(deliver)) throw apiFault("StreamInvalidExternalDeliverySubj", { prefix: deliver });
    const taken = subjects.find((subject) => filtersOverlap(subject, `${deliver}.${subject}`));
    if (taken !== undefined)
      throw apiFault("StreamExternalDelPrefixOverlaps", { prefix: deliver, subject: taken });
  }
  for (const { external } of origins) {
    const api = external?.api ?? "";
    if (api === "") continue;
    if (!isValidSubject(api)) {
      throw invalidStreamConfig(
        `stream external api prefix ${JSON.stringify(api)} must be a valid subject without wildcards`,
      );
    }
    if (filtersOverlap(api, "$JS.API"))
      throw apiFault("StreamExternalApiOverlap", { prefix: api, subject: "$JS.API" });
  }
}

/** Refuses streams that would copy their own messages. */
function checkCycles(config: StreamConfig, findStream: FindStreamConfig): void {
  const toVisit = [config];
  const visited = new Set<string>();
  for (let stream = toVisit.shift(); stream !== undefined; stream = toVisit.shift()) {
    visited.add(stream.name);
    const { sources = [], mirror, subjects = [] } = stream;
    for (const { name, external, filter_subject: filter } of sources) {
      if (external !== undefined) continue;
      const isTaken = filter === undefined || subjects.some((subject) => filtersOverlap(subject, filter));
      if (visited.has(name) && isTaken) throw invalidStreamConfig("detected cycle");
      const next = visited.has(name) ? undefined : findStream(name);
      if (next !== undefined) toVisit.push(next);
    }
    if (mirror === undefined || mirror.external !== undefined) continue;
    if (visited.has(mirror.name)) throw invalidStreamConfig("detected cycle");
    const next = findStream(mirror.name);
    if (next !== undefined) toVisit.push(next);
  }
}

/** A mirror answers direct gets where its origin does. */
function withInheritedDirect(
  config: StreamConfig,
  { findStream, pedantic }: { readonly findStream: FindStreamConfig; readonly pedantic: boolean },
): StreamConfig {
  const origin = config.mirror === undefined ? undefined : findStream(config.mirror.name);
  if (origin === undefined || origin.allow_direct === config.mirror_direct) return config;
  if (pedantic)
    throw apiFault("Pedantic", { err: "origin stream has direct get set, mirror has it disabled" });
  return { ...config, mirror_direct: origin.allow_direct };
}
