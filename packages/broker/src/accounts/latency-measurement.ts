import { randomUUID } from "node:crypto";
import { formatTimestamp } from "@ganglion/protocol";
import type { Connection } from "../connection/connection.js";
import { type ClientInfo, clientInfo, sharedClientInfo } from "./client-info.js";
import type { SampledHeaders } from "./sampling.js";
import type { SharedService } from "./shared-service.js";

/** Why a request got no answer. */
export type Failure = "bad request" | "no responders" | "interest lost" | "timeout";

/** Source: nats-server accounts.go `sendBadRequestTrackingLatency`, `sendBackendErrorTrackingLatency`. */
const FAILURES: Readonly<Record<Failure, readonly [status: number, description: string]>> = {
  "bad request": [400, "Bad Request"],
  "interest lost": [408, "Request Timeout"],
  "no responders": [503, "Service Unavailable"],
  timeout: [504, "Service Timeout"],
};

/** Source: nats-server accounts.go `ServiceLatencyType`. */
const EVENT_TYPE = "io.nats.server.metric.v1.service_latency";
const NS_PER_MS = 1e6;

/** The request that is measured. */
export interface MeasuredRequest {
  readonly service: SharedService;
  readonly requester: Connection | undefined;
  /** Whether the service may know who asks. */
  readonly isShared: boolean;
  readonly headers?: SampledHeaders | undefined;
}

/**
 * Measures one request to a service and tells the service's account.
 *
 * Source: nats-server accounts.go `ServiceLatency`, `sendTrackingLatency`.
 */
export class LatencyMeasurement {
  private readonly startedMs: number;
  private readonly startedUs: number;
  private isTold = false;

  constructor(private readonly request: MeasuredRequest) {
    const { clock } = request.service.exporter.environment;
    this.startedMs = clock.monotonicMs();
    this.startedUs = clock.nowUs();
  }

  /** The first answer has come. */
  answered(responder: Connection | undefined): void {
    const { service } = this.request;
    const { clock, serverName } = service.exporter.environment;
    const elapsedMs = clock.monotonicMs() - this.startedMs;
    const requestRttMs = this.request.requester?.keepalive.rttMs ?? 0;
    const responseRttMs = responder?.keepalive.rttMs ?? 0;
    this.tell({
      status: 200,
      ...(responder && { responder: sharedClientInfo(responder, serverName) }),
      service: Math.max(0, elapsedMs - responseRttMs),
      total: requestRttMs + elapsedMs,
    });
  }

  /** There will be no answer. */
  failed(failure: Failure): void {
    const [status, description] = FAILURES[failure];
    this.tell({ status, description, service: 0, total: 0 });
  }

  private tell(result: {
    readonly status: number;
    readonly description?: string;
    readonly responder?: ClientInfo;
    readonly service: number;
    readonly total: number;
  }): void {
    const { service, requester, isShared, headers } = this.request;
    const { exporter, latency } = service;
    if (this.isTold || latency === undefined) return;
    this.isTold = true;
    const { clock, serverName } = exporter.environment;
    const rttUs = (requester?.keepalive.rttMs ?? 0) * 1000;
    const event = {
      type: EVENT_TYPE,
      id: randomUUID(),
      timestamp: formatTimestamp(clock.nowUs()),
      status: result.status,
      ...(result.description && { description: result.description }),
      ...(requester && {
        requestor: isShared ? sharedClientInfo(requester, serverName) : clientInfo(requester),
      }),
      ...(result.responder && { responder: result.responder }),
      ...(headers && { header: headers }),
      start: formatTimestamp(Math.round(this.startedUs - rttUs)),
      service: Math.round(result.service * NS_PER_MS),
      system: 0,
      total: Math.round(result.total * NS_PER_MS),
    };
    const data = Buffer.from(JSON.stringify(event));
    exporter.bus.publish({ subject: latency.subject, headerSizeBytes: 0, data });
  }
}
