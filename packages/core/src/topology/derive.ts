import { durationMs } from "@ganglion/kernel";
import type { Bound, StreamOptions } from "../contract/contract.js";
import type { AnyEvent, AnyTask } from "../contract/inference.js";
import type { Spec } from "../contract/spec.js";
import { deadLetterStream } from "../delivery/dead-letter.js";
import type { EndpointDefinition, ServiceDefinition } from "../metadata/definitions.js";
import { onceStream } from "../once/once-records.js";
import { leaseStream } from "../partitions/partition-leases.js";
import type { StreamSpec } from "../transport/stream-spec.js";
import type { ResourcePlan } from "./resource.js";

/** What holds for every stream an app derives, unless its contract says otherwise. */
export interface StreamDefaults {
  /** @default 1 */
  readonly replicas?: number;
  /** @default "file" */
  readonly storage?: "file" | "memory";
}

/** The stream an event or task is stored in. */
export function streamNameOf(endpoint: (AnyEvent | AnyTask) & Bound): string {
  const { service, contract } = endpoint;
  return endpoint.kind === "task"
    ? (contract.options.tasks?.name ?? `${service}-tasks`)
    : (contract.options.events?.name ?? `${service}-events`);
}

/** Whether a method takes its messages from a stream. */
export function isDurable({ role, options, endpoint }: EndpointDefinition): boolean {
  if (role === "handler") return false;
  if (role === "worker") return options.durable !== false;
  return options.durable !== false && endpoint.durable;
}

/**
 * The streams services need: those of what they send, of what they receive, and for their dead letters. A stream
 * lists the exact subjects of its events and tasks, never all of a service's, so that it does not answer rpcs.
 */
export function deriveStreams(
  services: readonly ServiceDefinition[],
  defaults: StreamDefaults = {},
): readonly ResourcePlan[] {
  const plans = new Map<string, { spec: StreamSpec; neededBy: Set<string> }>();
  const need = (spec: StreamSpec, neededBy: string) => {
    const present = plans.get(spec.name);
    const subjects = [...new Set([...(present?.spec.subjects ?? []), ...(spec.subjects ?? [])])];
    plans.set(spec.name, {
      spec: { ...spec, subjects },
      neededBy: (present?.neededBy ?? new Set<string>()).add(neededBy),
    });
  };
  for (const { name, contract, endpoints } of services) {
    const stored = [...contract.endpoints, ...endpoints.filter(isDurable).flatMap(siblings)].filter(isStored);
    for (const endpoint of stored) need(streamFor(endpoint, defaults), name);
    if (endpoints.some(({ options }) => options.once === true))
      need({ ...onceStream(name), ...defaults }, name);
    if (endpoints.some((one) => isDurable(one) && isPartitioned(one))) {
      need({ ...leaseStream(name), ...defaults }, name);
    }
    if (endpoints.some((one) => isDurable(one) && wantsDeadLetters(one))) {
      need({ ...deadLetterStream(name), ...defaults }, name);
    }
  }
  return [...plans.values()].map(({ spec, neededBy }) => ({
    kind: "stream",
    spec,
    neededBy: [...neededBy].join(", "),
  }));
}

/** The stream an event or task is stored in, as its owner creates it: whoever comes first creates the same. */
export function ownerStream(
  endpoint: (AnyEvent | AnyTask) & Bound,
  neededBy: string,
  defaults: StreamDefaults = {},
): ResourcePlan {
  const all = endpoint.contract.endpoints.filter(isStored).filter(({ kind }) => kind === endpoint.kind);
  const subjects = new Set([...all, endpoint].map(({ template }) => template.pattern));
  return { kind: "stream", spec: { ...streamFor(endpoint, defaults), subjects: [...subjects] }, neededBy };
}

/** A receiver that comes first creates the stream just as its owner would: with all events, or all tasks. */
function siblings({ endpoint }: EndpointDefinition): readonly (Spec & Bound)[] {
  return endpoint.contract.endpoints.filter(({ kind }) => kind === endpoint.kind);
}

function isStored(endpoint: Spec & Bound): endpoint is (AnyEvent | AnyTask) & Bound {
  return endpoint.kind === "task" || (endpoint.kind === "event" && (endpoint as AnyEvent & Bound).durable);
}

function isPartitioned(definition: EndpointDefinition): boolean {
  return definition.role !== "handler" && definition.endpoint.partitions !== undefined;
}

function wantsDeadLetters(definition: EndpointDefinition): boolean {
  return definition.role !== "handler" && definition.options.deadLetter !== false;
}

function streamFor(endpoint: (AnyEvent | AnyTask) & Bound, defaults: StreamDefaults): StreamSpec {
  const { contract, service, kind } = endpoint;
  const options: StreamOptions = (kind === "task" ? contract.options.tasks : contract.options.events) ?? {};
  const { maxAge, duplicateWindow, retention, name: _, ...limits } = options;
  return {
    ...defaults,
    name: streamNameOf(endpoint),
    description: `${kind === "task" ? "Tasks" : "Events"} of ${service}`,
    subjects: [endpoint.template.pattern],
    retention: kind === "task" ? "workqueue" : (retention ?? "limits"),
    ...limits,
    ...(maxAge !== undefined && { maxAgeMs: durationMs(maxAge, "maxAge") }),
    ...(duplicateWindow !== undefined && {
      duplicateWindowMs: durationMs(duplicateWindow, "duplicateWindow"),
    }),
  };
}
