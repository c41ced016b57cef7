import type { ConsumerSpec } from "../transport/consumer-spec.js";
import type { JetStream } from "../transport/jetstream.js";
import type { StreamSpec } from "../transport/stream-spec.js";
import type { ResourcePlan } from "./resource.js";

/**
 * What would have to happen so that the server has what an app needs.
 *
 * - `create`: it is missing;
 * - `change`: it can be changed without losing anything;
 * - `destructive`: changing it could remove data or subjects: Ganglion never does that by itself;
 * - `conflict`: it cannot be changed at all.
 */
export interface PlannedChange {
  readonly action: "create" | "change" | "destructive" | "conflict";
  readonly kind: "stream" | "consumer";
  /** Of a consumer: `<stream>/<consumer>`. */
  readonly name: string;
  readonly neededBy: string;
  /** What differs, such as `maxAgeMs: 60000 → 1000`. Empty for `create`. */
  readonly differences: readonly string[];
  readonly resource: ResourcePlan;
}

/** Compares what is needed with what is there. */
export async function planTopology(
  jetstream: JetStream,
  resources: readonly ResourcePlan[],
): Promise<readonly PlannedChange[]> {
  const changes: PlannedChange[] = [];
  for (const resource of resources) {
    const found =
      resource.kind === "stream"
        ? await compareStream(jetstream, resource)
        : await compareConsumer(jetstream, resource);
    changes.push(...found);
  }
  return changes;
}

type StreamPlan = Extract<ResourcePlan, { kind: "stream" }>;
type ConsumerPlan = Extract<ResourcePlan, { kind: "consumer" }>;

interface Difference {
  readonly action: "change" | "destructive" | "conflict";
  readonly text: string;
}

async function compareStream(jetstream: JetStream, resource: StreamPlan): Promise<readonly PlannedChange[]> {
  const { spec, neededBy } = resource;
  const base = { kind: "stream", name: spec.name, neededBy } as const;
  const present = await jetstream.streams.info(spec.name);
  if (present === undefined) return [{ ...base, action: "create", differences: [], resource }];
  const differences = streamDifferences(spec, present.spec);
  return byAction(differences).map(([action, texts]) => ({
    ...base,
    action,
    differences: texts,
    // Applied to what is there, so that what others added to the stream stays.
    resource: { ...resource, spec: safelyChanged(spec, present.spec) },
  }));
}

function streamDifferences(wanted: StreamSpec, present: StreamSpec): readonly Difference[] {
  const missing = (wanted.subjects ?? []).filter((subject) => present.subjects?.includes(subject) !== true);
  const differences: Difference[] = [];
  if (missing.length > 0) differences.push({ action: "change", text: `subjects: + ${missing.join(", ")}` });
  for (const field of ["retention", "storage"] as const) {
    const value = wanted[field];
    if (value !== undefined && value !== present[field]) {
      differences.push({ action: "conflict", text: changed(field, present[field], value) });
    }
  }
  for (const field of LIMITS) {
    const value = wanted[field];
    if (value === undefined || value === present[field]) continue;
    const lowered = value < (present[field] ?? Number.POSITIVE_INFINITY);
    differences.push({
      action: lowered ? "destructive" : "change",
      text: changed(field, present[field], value),
    });
  }
  for (const field of FREE) {
    const value = wanted[field];
    if (value === undefined || value === present[field]) continue;
    differences.push({ action: "change", text: changed(field, present[field], value) });
  }
  return differences;
}

/** Lowering one of these removes messages. */
const LIMITS = ["maxMessages", "maxBytes", "maxAgeMs", "maxMessagesPerSubject"] as const;
const FREE = ["replicas", "duplicateWindowMs", "discard", "maxMessageBytes"] as const;

/** What is there, with all changes that lose nothing. */
function safelyChanged(wanted: StreamSpec, present: StreamSpec): StreamSpec {
  const kept = {
    ...present,
    subjects: [...new Set([...(present.subjects ?? []), ...(wanted.subjects ?? [])])],
  };
  const fields = [...LIMITS.filter((field) => !isLower(wanted[field], present[field])), ...FREE];
  const taken = Object.fromEntries(
    fields.flatMap((field) => (wanted[field] === undefined ? [] : [[field, wanted[field]]])),
  );
  return { ...kept, ...taken };
}

function isLower(wanted: number | undefined, present: number | undefined): boolean {
  return wanted !== undefined && wanted < (present ?? Number.POSITIVE_INFINITY);
}

async function compareConsumer(
  jetstream: JetStream,
  resource: ConsumerPlan,
): Promise<readonly PlannedChange[]> {
  const { stream, spec, neededBy } = resource;
  const base = { kind: "consumer", name: `${stream}/${spec.name}`, neededBy } as const;
  const exists = (await jetstream.streams.info(stream)) !== undefined;
  const present = exists ? await jetstream.consumers.info(stream, spec.name) : undefined;
  if (present === undefined) return [{ ...base, action: "create", differences: [], resource }];
  return byAction(consumerDifferences(spec, present.spec)).map(([action, texts]) => ({
    ...base,
    action,
    differences: texts,
    resource: { ...resource, spec: { ...present.spec, ...pick(spec, CHANGEABLE) } },
  }));
}

const CHANGEABLE = [
  "ackWaitMs",
  "maxAckPending",
  "maxDeliver",
  "inactiveThresholdMs",
  "description",
] as const;

function consumerDifferences(wanted: ConsumerSpec, present: ConsumerSpec): readonly Difference[] {
  const differences: Difference[] = [];
  for (const field of ["ack", "replay"] as const) {
    const value = wanted[field];
    if (value !== undefined && value !== present[field]) {
      differences.push({ action: "conflict", text: changed(field, present[field], value) });
    }
  }
  const filters = [wanted.filterSubjects, present.filterSubjects].map((list) =>
    [...(list ?? [])].sort().join(", "),
  );
  if (filters[0] !== filters[1]) {
    differences.push({ action: "conflict", text: changed("filterSubjects", filters[1], filters[0]) });
  }
  for (const field of CHANGEABLE) {
    const value = wanted[field];
    if (value === undefined || value === present[field]) continue;
    differences.push({ action: "change", text: changed(field, present[field], value) });
  }
  return differences;
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(
    keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]])),
  ) as Partial<Pick<T, K>>; // keys of T
}

function changed(field: string, from: unknown, to: unknown): string {
  return `${field}: ${from ?? "none"} → ${to ?? "none"}`;
}

function byAction(
  differences: readonly Difference[],
): readonly [action: Difference["action"], texts: readonly string[]][] {
  return (["change", "destructive", "conflict"] as const).flatMap((action) => {
    const texts = differences.filter((difference) => difference.action === action).map(({ text }) => text);
    return texts.length === 0 ? [] : [[action, texts] as [Difference["action"], readonly string[]]];
  });
}
