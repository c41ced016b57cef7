import { API_PREFIX, type ConsumerConfig, type StreamSourceConfig } from "@ganglion/protocol";

/** Where a copy goes on in its origin. */
export type StartPoint = Pick<ConsumerConfig, "deliver_policy" | "opt_start_seq" | "opt_start_time">;

/** What a request to an origin is made of. */
export interface OriginRequestOptions {
  readonly kind: "M" | "S";
  /** Part of the consumer's name. */
  readonly id: string;
  readonly deliverSubject: string;
  readonly copy: { readonly name: string; readonly accountName: string; readonly domain: string | undefined };
  readonly start: StartPoint;
}

const NS_PER_SECOND = 1e9;

/** Where the origin delivers to, so that it arrives here. */
export function originSubject(
  { external, consumer }: StreamSourceConfig,
  kind: "M" | "S",
  id: string,
): string {
  if (consumer !== undefined) return consumer.deliver_subject;
  const prefix = external === undefined || external.deliver === "" ? "$JS" : external.deliver;
  return `${prefix}.${kind}.${id}`.replaceAll("..", ".");
}

/**
 * The request for a consumer that delivers everything from the start point on, with heartbeats and flow control.
 *
 * Source: nats-server stream.go `setupMirrorConsumer`, `trySetupSourceConsumer`.
 */
export function originRequest(
  origin: StreamSourceConfig,
  options: OriginRequestOptions,
): { readonly subject: string; readonly data: Buffer } {
  const { kind, id, deliverSubject, copy, start } = options;
  const api = origin.external === undefined ? API_PREFIX.slice(0, -1) : origin.external.api;
  if (origin.consumer !== undefined) {
    // It goes on behind what was acknowledged.
    const reset = `${api}.CONSUMER.RESET.${origin.name}.${origin.consumer.name}`;
    return { subject: reset.replaceAll("..", "."), data: Buffer.alloc(0) };
  }
  const name = `JS_${kind === "M" ? "MIRROR" : "SRC"}_${id}`;
  const filters = filtersOf(origin);
  const [filter] = filters;
  const key = kind === "M" ? "_nats.mirror" : "_nats.src";
  const config = {
    name,
    deliver_subject: deliverSubject,
    ack_policy: "none",
    ack_wait: 22 * 3600 * NS_PER_SECOND,
    max_deliver: 1,
    idle_heartbeat: NS_PER_SECOND,
    flow_control: true,
    direct: true,
    mem_storage: true,
    inactive_threshold: 10 * NS_PER_SECOND,
    replay_policy: "instant",
    num_replicas: 1,
    metadata: {
      [`${key}.stream`]: copy.name,
      [`${key}.acc`]: copy.accountName,
      ...(copy.domain === undefined ? {} : { [`${key}.domain`]: copy.domain }),
    },
    ...start,
    ...(filters.length === 1 ? { filter_subject: filter } : {}),
    ...(filters.length > 1 ? { filter_subjects: filters } : {}),
  };
  const subject = `${api}.CONSUMER.CREATE.${origin.name}.${name}${filters.length === 1 ? `.${filter}` : ""}`;
  return {
    subject: subject.replaceAll("..", "."),
    data: Buffer.from(JSON.stringify({ stream_name: origin.name, config })),
  };
}

/** Subjects of the origin that are copied; none: all. */
function filtersOf({
  filter_subject: filter,
  subject_transforms: transforms = [],
}: StreamSourceConfig): string[] {
  if (filter !== undefined) return [filter];
  const filters = transforms.map(({ src }) => (src === "" ? ">" : src));
  return filters.includes(">") ? [] : filters;
}
