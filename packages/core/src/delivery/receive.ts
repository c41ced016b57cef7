import { type HeaderReader, noopObserver } from "@ganglion/kernel";
import { UNVERSIONED } from "../contract/contract.js";
import { coreError } from "../errors.js";
import { VERSION_HEADER } from "../messages/header-names.js";
import { InvalidValue, type WireForm } from "../messages/wire-form.js";
import type { WorkContext } from "../runtime/work-context.js";
import type { IncomingMessage } from "../transport/message.js";
import { BatchContext, type Receiver } from "./delivery-context.js";
import { Verdict } from "./outcome.js";

/** @throws Verdict `DELIVERY_DEAD`: a message that cannot be read will not be readable the next time. */
export function decodeDelivery(
  message: Pick<IncomingMessage, "headers" | "text">,
  form: WireForm,
  { endpoint: { service, contract } }: Receiver,
): unknown {
  const version = message.headers.get(VERSION_HEADER);
  const isVersioned = version !== undefined && contract.version !== UNVERSIONED;
  if (isVersioned && version !== String(contract.major)) {
    throw new Verdict(
      "DELIVERY_DEAD",
      `${service} speaks version ${contract.version}, the sender ${version}`,
      {
        cause: coreError("VERSION_MISMATCH", "Sent under another major version"),
      },
    );
  }
  try {
    return form.decode(message.text());
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new Verdict("DELIVERY_DEAD", `The data does not fit its schema: ${error.summary}`, {
      cause: coreError("INVALID_DATA", error.summary, { details: { issues: error.issues } }),
    });
  }
}

/**
 * Runs a method, in a span that continues the sender's trace when somebody traces. That of a batch continues the first
 * message's, and is linked with the others.
 */
export function runObserved(receiver: Receiver, ctx: WorkContext, work: () => void): void {
  const { runtime, endpoint, name } = receiver;
  if (!runtime.observer.tracing) {
    work();
    return;
  }
  const span = runtime.observer.startSpan({
    name: `process ${endpoint.service}.${endpoint.name}`,
    kind: "consumer",
    parent: (header) => ctx.headers.get(header),
    links: linksOf(ctx),
    attributes: {
      "messaging.system": "nats",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": ctx.subject,
      "messaging.destination.template": endpoint.template.template,
      "messaging.consumer.group.name": name,
    },
  });
  ctx.span = span;
  span.run(work);
}

function linksOf(ctx: WorkContext): readonly HeaderReader[] {
  if (!(ctx instanceof BatchContext)) return [];
  return ctx.deliveries.slice(1).map(
    ({ headers }) =>
      (header) =>
        headers.get(header),
  );
}

/** How a method ended. */
export interface Conclusion {
  /** Monotonic. */
  readonly startedMs: number;
  readonly failed: boolean;
  readonly error: unknown;
}

/** Measures a method and ends its span. */
export function conclude(
  { runtime, endpoint, name }: Receiver,
  ctx: WorkContext,
  { startedMs, error, failed }: Conclusion,
): void {
  if (failed) ctx.span?.fail(error);
  ctx.span?.end();
  ctx.finish();
  if (runtime.observer === noopObserver) return;
  runtime.observer.record("messaging.process.duration", (runtime.clock.monotonicMs() - startedMs) / 1_000, {
    "messaging.system": "nats",
    "messaging.destination.template": endpoint.template.template,
    "messaging.consumer.group.name": name,
    ...(failed && { "error.type": error instanceof Error ? error.name : "unknown" }),
  });
}
