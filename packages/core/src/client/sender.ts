import { isGanglionError } from "@ganglion/kernel";
import { type Bound, UNVERSIONED } from "../contract/contract.js";
import type { AnyEvent, AnyTask } from "../contract/inference.js";
import { coreError } from "../errors.js";
import { dataCodec } from "../messages/endpoint-codec.js";
import { CLOUD_EVENT, VERSION_HEADER } from "../messages/header-names.js";
import { InvalidValue, type WireForm } from "../messages/wire-form.js";
import { partitionOf } from "../partitions/partition-of.js";
import type { Cause } from "../runtime/cause.js";
import type { Runtime } from "../runtime/runtime.js";
import { HeaderBlock, headerLine, headerLines } from "../transport/header-block.js";
import type { EmitOptions, Emitted } from "./call.js";
import { injected } from "./rpc-caller.js";

/** {@link EmitOptions} with the values of a subject's named tokens. */
export type AnyEmitOptions = EmitOptions & { readonly params?: Readonly<Record<string, string>> };

type AnyMessage = AnyEvent | AnyTask;

/** Sends events and tasks. What does not change is prepared once for each. */
export class Sender {
  private readonly senders = new WeakMap<AnyMessage, MessageSender>();

  constructor(private readonly runtime: Runtime) {}

  of(message: AnyMessage): MessageSender {
    let sender = this.senders.get(message);
    if (sender === undefined) {
      sender = new MessageSender(this.runtime, message);
      this.senders.set(message, sender);
    }
    return sender;
  }
}

/** Sends one kind of event or task. */
export class MessageSender {
  private readonly form: WireForm;
  private readonly constantLines: string;
  private readonly label: string;

  /** @throws GanglionError `INVALID_SUBJECT` when it has no subject to send to */
  constructor(
    private readonly runtime: Runtime,
    private readonly message: AnyMessage,
  ) {
    const { template, service, name, contract } = message as AnyMessage & Partial<Bound>;
    if (template === undefined) {
      throw coreError(
        "INVALID_SERVICE",
        "An event or task outside of a contract needs a subject to be sent",
        {
          details: { faults: [`${message.kind} has no subject`] },
        },
      );
    }
    this.label = service === undefined ? template.template : `${service}.${name}`;
    this.form = dataCodec(message);
    this.constantLines =
      `${CLOUD_EVENT.specVersion}: 1.0\r\n${CLOUD_EVENT.type}: ${this.label}\r\n` +
      `${CLOUD_EVENT.source}: /${encodeURIComponent(runtime.name)}\r\n${CLOUD_EVENT.contentType}: application/json\r\n` +
      (contract === undefined || contract.version === UNVERSIONED
        ? ""
        : `${VERSION_HEADER}: ${contract.major}\r\n`);
  }

  /** Stores it and waits for the acknowledgement; an event that is not durable is only sent. */
  async emit(data: unknown, options?: AnyEmitOptions, cause?: Cause): Promise<Emitted> {
    if (this.message.kind === "event" && !this.message.durable) return this.publish(data, options, cause);
    const body = this.encode(data);
    const subject = this.subject(options, body);
    const id = options?.id ?? this.derivedId(subject, cause);
    return this.traced(subject, id, async (trace) => {
      const headers = this.headers({ id, options, trace: trace ?? cause?.traceLines ?? "" });
      const ack = await this.runtime.transport.jetstream
        .append(subject, body, { headers, msgId: id })
        .catch((error) => {
          throw this.explained(error, subject);
        });
      return { id, stream: ack.stream, sequence: ack.sequence, duplicate: ack.duplicate };
    });
  }

  /** Sends it to those who listen now. */
  publish(data: unknown, options?: AnyEmitOptions, cause?: Cause): Emitted {
    const body = this.encode(data);
    const subject = this.subject(options, body);
    const id = options?.id ?? this.runtime.uniqueId();
    const send = (trace: string | undefined) => {
      const headers = this.headers({ id, options, trace: trace ?? cause?.traceLines ?? "" });
      this.runtime.transport.publish(subject, body, { headers });
    };
    if (this.runtime.observer.tracing) void this.traced(subject, id, async (trace) => send(trace));
    else send(undefined);
    return { id, stream: "", sequence: 0, duplicate: false };
  }

  /** Cause, subject and how manieth to this subject: a method that emits differently on a retry loses nothing. */
  private derivedId(subject: string, cause: Cause | undefined): string {
    if (cause === undefined) return this.runtime.uniqueId();
    return `${cause.key}:${subject}:${cause.nextOrdinal(subject)}`;
  }

  private async traced<T>(
    subject: string,
    id: string,
    send: (trace: string | undefined) => Promise<T>,
  ): Promise<T> {
    const { observer } = this.runtime;
    if (!observer.tracing) return send(undefined);
    const span = observer.startSpan({
      name: `publish ${this.label}`,
      kind: "producer",
      attributes: {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": subject,
        "messaging.message.id": id,
      },
    });
    try {
      return await send(injected(span));
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  private subject(options: AnyEmitOptions | undefined, body: string): string {
    const { template, key, partitions } = this.message as AnyMessage & Bound; // the constructor made sure
    if (partitions === undefined || key === undefined) return template.render(options?.params);
    // Receivers see the decoded data: both must find the same key.
    const partition = String(partitionOf(key(this.form.decode(body)), partitions));
    return template.render({ ...options?.params, partition });
  }

  private headers({
    id,
    options,
    trace,
  }: {
    readonly id: string;
    readonly options: AnyEmitOptions | undefined;
    readonly trace: string;
  }): HeaderBlock {
    const time = new Date(this.runtime.clock.nowMs()).toISOString();
    const own = `${this.constantLines}${headerLine(CLOUD_EVENT.id, id)}${CLOUD_EVENT.time}: ${time}\r\n${trace}`;
    return new HeaderBlock(options?.headers === undefined ? own : own + headerLines(options.headers));
  }

  private encode(data: unknown): string {
    try {
      return this.form.encodeText(data);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      throw coreError("INVALID_DATA", `The data of ${this.label} does not fit its schema: ${error.summary}`, {
        details: { endpoint: this.label, issues: error.issues },
      });
    }
  }

  private explained(error: unknown, subject: string): unknown {
    if (!isGanglionError(error, "NO_STREAM")) return error;
    return coreError(
      "NO_STREAM",
      `${this.label} was not stored: no stream listens on ${subject}. The app of its service creates it; an event without a service is named in @Service(…, { sends: [event] })`,
      { cause: error, details: { subject } },
    );
  }
}
