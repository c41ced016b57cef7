import * as z from "zod";
import type { Schema } from "../contract/spec.js";
import { isNothing } from "../contract/wire-fault.js";
import type { ServiceDefinition } from "../metadata/definitions.js";
import type { TransportSubscription } from "../transport/transport.js";
import type { RpcHost } from "./rpc-host.js";
import type { Runtime } from "./runtime.js";

const VERBS = ["PING", "INFO", "STATS"] as const;
type Verb = (typeof VERBS)[number];

/**
 * Answers discovery for one service, as `nats micro ls/info/stats` ask for it.
 *
 * Source: ADR-32 (Service API).
 */
export class MicroResponder {
  private readonly subscriptions: TransportSubscription[] = [];
  private readonly started: string;
  private readonly identity: object;
  private info: string | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly service: ServiceDefinition,
    private readonly hosts: readonly RpcHost[],
  ) {
    this.started = new Date(runtime.clock.nowMs()).toISOString();
    this.identity = {
      name: service.name,
      id: runtime.instanceId,
      version: service.version,
      metadata: { framework: "ganglion", app: runtime.name },
    };
  }

  start(): void {
    const { transport, instanceId } = this.runtime;
    for (const verb of VERBS) {
      for (const suffix of ["", `.${this.service.name}`, `.${this.service.name}.${instanceId}`]) {
        const subscription = transport.subscribe(`$SRV.${verb}${suffix}`, {
          onMessage: ({ reply }) => {
            if (reply !== undefined) transport.publish(reply, this.answer(verb));
          },
        });
        this.subscriptions.push(subscription);
      }
    }
  }

  stop(): void {
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
  }

  private answer(verb: Verb): string {
    if (verb === "INFO") {
      this.info ??= JSON.stringify(this.describe());
      return this.info;
    }
    const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`;
    const base = { type, ...this.identity };
    return JSON.stringify(
      verb === "PING" ? base : { ...base, started: this.started, endpoints: this.stats() },
    );
  }

  private describe(): object {
    return {
      type: "io.nats.micro.v1.info_response",
      ...this.identity,
      description: this.service.description ?? "",
      endpoints: this.hosts.map((host) => ({
        ...addressOf(host),
        metadata: {
          kind: "rpc",
          input: jsonSchema(host.definition.endpoint.input),
          output: jsonSchema(host.definition.endpoint.output),
          errors: Object.keys(host.definition.endpoint.errors).join(","),
        },
      })),
    };
  }

  private stats(): readonly object[] {
    return this.hosts.map((host) => {
      const { requests, errors, lastError, processingMs } = host.stats;
      const processingNs = Math.round(processingMs * 1e6);
      return {
        ...addressOf(host),
        num_requests: requests,
        num_errors: errors,
        ...(lastError !== "" && { last_error: lastError }),
        processing_time: processingNs,
        average_processing_time: requests === 0 ? 0 : Math.round(processingNs / requests),
      };
    });
  }
}

function addressOf(host: RpcHost) {
  const { name, template } = host.definition.endpoint;
  return { name, subject: template.pattern, queue_group: host.queue };
}

function jsonSchema(schema: Schema): string {
  return isNothing(schema) ? "" : JSON.stringify(z.toJSONSchema(schema, { io: "input" }));
}
