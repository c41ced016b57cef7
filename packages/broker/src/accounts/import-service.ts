import { ACK_PREFIX, type MessageFrame, setHeaders } from "@ganglion/protocol";
import type { ServiceImportConfig } from "../config/blocks/account-imports.js";
import type { Forwarder } from "../routing/forwarder.js";
import type { Publisher, ServiceStep } from "../routing/publisher.js";
import { Subscription } from "../routing/subscription.js";
import type { Account } from "./account.js";
import { type ClientInfo, clientInfo, sharedClientInfo } from "./client-info.js";
import { type ImportSubjects, importSubjects } from "./import-subjects.js";
import { LatencyMeasurement } from "./latency-measurement.js";
import { sampleOf } from "./sampling.js";
import { replyOf } from "./service-responses.js";
import type { SharedService } from "./shared-service.js";

/** Header that tells a service who asks. Source: nats-server client.go `ClientInfoHdr`. */
export const REQUEST_INFO_HEADER = "Nats-Request-Info";

const NO_BYTES = new Uint8Array(0);

/**
 * Lets an account use a service of another one.
 *
 * @returns a function that ends it.
 */
export function importService(
  importer: Account,
  service: SharedService,
  config: ServiceImportConfig,
): () => void {
  const forwarder = new ServiceImport(importer, service, config);
  const subscription = new Subscription(forwarder.subjects.local, { forwarder });
  importer.router.add(subscription);
  return () => importer.router.remove(subscription);
}

/**
 * Takes requests from one account into another one.
 *
 * Source: nats-server client.go `processServiceImport`.
 */
class ServiceImport implements Forwarder {
  readonly subjects: ImportSubjects;
  private readonly isShared: boolean;

  constructor(
    private readonly importer: Account,
    private readonly service: SharedService,
    config: ServiceImportConfig,
  ) {
    this.subjects = importSubjects(config);
    this.isShared = config.share;
  }

  hasInterest(subject: string): boolean {
    const to = this.subjects.toRemote(subject);
    const { exporter } = this.service;
    return to !== undefined && exporter.bus.hasInterest(exporter.mapped(to));
  }

  forward(subject: string, frame: MessageFrame, publisher: Publisher): boolean {
    const { service, importer } = this;
    const { exporter } = service;
    const to = this.subjects.toRemote(subject);
    if (to === undefined || isPassed(publisher.via, service)) return false;
    const isShared = publisher.via?.isShared ?? this.isShared;
    const reply = replyOf(frame);
    const measurement = this.measure(frame, publisher, isShared);
    const response =
      reply === undefined || reply.startsWith(ACK_PREFIX)
        ? undefined
        : exporter.responses.expect({ service, requester: importer, reply, isShared, measurement });
    if (reply === undefined) measurement?.failed("bad request");
    const count = exporter.bus.forward(
      {
        subject: exporter.mapped(to),
        deliverAs: publisher.deliverAs,
        reply: response?.subject ?? reply,
        ...this.withRequestInfo(frame, publisher, isShared),
      },
      publisher,
      { service, isShared, previous: publisher.via },
    );
    if (count === 0 && response !== undefined) exporter.responses.remove(response, "no responders");
    return count > 0;
  }

  /** The message with the header that tells who asks. */
  private withRequestInfo(frame: MessageFrame, publisher: Publisher, isShared: boolean) {
    const { bytes, dataStart, dataEnd, headerSizeBytes } = frame;
    const block = headerSizeBytes > 0 ? bytes.subarray(dataStart, dataStart + headerSizeBytes) : NO_BYTES;
    const info = JSON.stringify(this.requestInfo(publisher, isShared));
    const headers = setHeaders(block, { [REQUEST_INFO_HEADER]: info });
    const data = Buffer.concat([headers, bytes.subarray(dataStart + headerSizeBytes, dataEnd)]);
    return { headerSizeBytes: headers.length, data };
  }

  private requestInfo(publisher: Publisher, isShared: boolean): ClientInfo {
    const { importer } = this;
    const connection = importer.connectionOf(publisher);
    if (connection === undefined) return { acc: publisher.origin?.accountName ?? importer.name };
    const { serverName } = importer.environment;
    const info = isShared ? sharedClientInfo(connection, serverName) : clientInfo(connection);
    return publisher.via === undefined ? info : withService(info, importer.name);
  }

  private measure(
    frame: MessageFrame,
    publisher: Publisher,
    isShared: boolean,
  ): LatencyMeasurement | undefined {
    const { service, importer } = this;
    // Only single answers are measured.
    if (service.latency === undefined || service.responseType !== "singleton") return undefined;
    const sample = sampleOf(
      service.latency,
      frame.bytes.subarray(frame.dataStart, frame.dataStart + frame.headerSizeBytes),
    );
    if (sample === undefined) return undefined;
    const requester = importer.connectionOf(publisher);
    return new LatencyMeasurement({ service, requester, isShared, headers: sample.headers });
  }
}

/** Whether a message goes round in a circle. */
function isPassed(via: ServiceStep | undefined, service: SharedService): boolean {
  for (let step = via; step !== undefined; step = step.previous) {
    if (step.service === service) return true;
  }
  return false;
}

/** Puts the account that passed the request on where nats-server has it. */
function withService({ acc, start, host, id, ...rest }: ClientInfo, svc: string): ClientInfo {
  return {
    ...(start === undefined ? {} : { start }),
    ...(host === undefined ? {} : { host }),
    ...(id === undefined ? {} : { id }),
    ...(acc === undefined ? {} : { acc }),
    svc,
    ...rest,
  };
}
