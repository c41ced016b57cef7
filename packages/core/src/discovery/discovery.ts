import { type Duration, durationMs, isGanglionError, pause } from "@ganglion/kernel";
import * as z from "zod";
import type { Transport } from "../transport/transport.js";

/** Counters of one endpoint of an instance, since it started. */
export interface EndpointCounts {
  readonly name: string;
  /** Subject it listens on; may hold wildcards. */
  readonly subject: string;
  readonly queueGroup: string;
  readonly requests: number;
  readonly errors: number;
  readonly lastError: string;
  /** Milliseconds spent on all requests, and on one of them. */
  readonly processingMs: number;
  readonly averageProcessingMs: number;
}

/** A running instance of a service, of Ganglion's or any other that follows NATS micro. */
export interface ServiceInstance {
  readonly name: string;
  /** Tells instances apart. */
  readonly id: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly started: Date;
  readonly endpoints: readonly EndpointCounts[];
}

/** What happened to an instance between two looks. */
export interface InstanceChange {
  readonly type: "joined" | "left";
  readonly instance: ServiceInstance;
}

/** Options of {@link Discovery.list}. */
export interface ListInstancesOptions {
  /** How long to wait for further answers after each one. @default "300ms" */
  readonly wait?: Duration;
}

/** Options of {@link Discovery.watch}. */
export interface WatchInstancesOptions extends ListInstancesOptions {
  /** Time between looks. @default "1s" */
  readonly interval?: Duration;
  /** Looks an instance may miss before it counts as gone. @default 3 */
  readonly missed?: number;
  readonly signal?: AbortSignal;
}

const count = z.number().catch(0);
/** Source: ADR-32, `io.nats.micro.v1.stats_response`; times are nanoseconds. */
const Stats = z.object({
  name: z.string(),
  id: z.string(),
  version: z.string(),
  metadata: z.record(z.string(), z.string()).nullish(),
  started: z.coerce.date().catch(() => new Date(0)),
  endpoints: z
    .array(
      z.object({
        name: z.string().catch(""),
        subject: z.string().catch(""),
        queue_group: z.string().catch(""),
        num_requests: count,
        num_errors: count,
        last_error: z.string().catch(""),
        processing_time: count,
        average_processing_time: count,
      }),
    )
    .nullish(),
});

/** Finds the running instances of a service, or of all services, by asking them. */
export class Discovery {
  private readonly subject: string;

  /**
   * @param service - undefined: all services.
   * @param transport - asked for at each use: an app has none before it is started.
   */
  constructor(
    service: string | undefined,
    private readonly transport: () => Transport,
  ) {
    this.subject = service === undefined ? "$SRV.STATS" : `$SRV.STATS.${service}`;
  }

  /** The instances that answer, by name and id. None: an empty list. */
  async list(options: ListInstancesOptions = {}): Promise<readonly ServiceInstance[]> {
    const waitMs = durationMs(options.wait ?? "300ms", "wait");
    const found = new Map<string, ServiceInstance>();
    await new Promise<void>((resolve, reject) => {
      const pending = this.transport().send(this.subject, "", {
        timeoutMs: waitMs,
        many: true,
        onReply: (error, message) => {
          if (message === undefined) {
            const isOver = isGanglionError(error, "TIMEOUT") || isGanglionError(error, "NO_RESPONDERS");
            if (isOver) resolve();
            else reject(error);
            return;
          }
          const instance = read(message.text());
          if (instance !== undefined) found.set(`${instance.name} ${instance.id}`, instance);
          pending.extend(waitMs);
        },
      });
    });
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, instance]) => instance);
  }

  /**
   * Tells of instances that come and go: first of all that are there, then of changes. It goes on until the loop is
   * left or the signal is aborted.
   */
  async *watch(options: WatchInstancesOptions = {}): AsyncIterable<InstanceChange> {
    const { signal, missed = 3 } = options;
    const intervalMs = durationMs(options.interval ?? "1s", "interval");
    const known = new Map<string, { instance: ServiceInstance; missed: number }>();
    const { clock } = this.transport();
    while (!signal?.aborted) {
      const present = new Map(
        (await this.list(options)).map((instance) => [`${instance.name} ${instance.id}`, instance]),
      );
      for (const [key, instance] of present) {
        if (!known.has(key)) yield { type: "joined", instance };
        known.set(key, { instance, missed: 0 });
      }
      for (const [key, entry] of known) {
        if (present.has(key) || ++entry.missed < missed) continue;
        known.delete(key);
        yield { type: "left", instance: entry.instance };
      }
      await pause(clock, intervalMs, signal);
    }
  }
}

/** @returns undefined for what is no answer of a service. */
function read(text: string): ServiceInstance | undefined {
  const checked = Stats.safeParse(parse(text));
  if (!checked.success) return undefined;
  const { name, id, version, metadata, started, endpoints } = checked.data;
  return {
    name,
    id,
    version,
    metadata: metadata ?? {},
    started,
    endpoints: (endpoints ?? []).map((endpoint) => ({
      name: endpoint.name,
      subject: endpoint.subject,
      queueGroup: endpoint.queue_group,
      requests: endpoint.num_requests,
      errors: endpoint.num_errors,
      lastError: endpoint.last_error,
      processingMs: endpoint.processing_time / 1e6,
      averageProcessingMs: endpoint.average_processing_time / 1e6,
    })),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
