import type { Bound } from "../contract/contract.js";
import type { AnyRpc } from "../contract/inference.js";
import type { HandlerContext } from "../messages/context.js";
import { IDEMPOTENCY_HEADER } from "../messages/header-names.js";
import { ServiceError } from "../messages/service-error.js";
import type { IncomingMessage } from "../transport/message.js";
import type { Runtime } from "./runtime.js";
import { WorkContext } from "./work-context.js";

/** What the runtime hands to a handler. */
export class RpcContext extends WorkContext implements HandlerContext<AnyRpc> {
  private lazyKey: string | undefined;

  constructor(
    runtime: Runtime,
    private readonly request: { readonly message: IncomingMessage; readonly endpoint: AnyRpc & Bound },
    deadlineAtMs: number | undefined,
  ) {
    super(runtime, request.message, deadlineAtMs);
  }

  get params() {
    return this.request.endpoint.template.params(this.subject);
  }

  get idempotencyKey(): string {
    // The reply subject is unique for each request, wherever it comes from.
    this.lazyKey ??=
      this.headers.get(IDEMPOTENCY_HEADER) ?? this.request.message.reply ?? this.runtime.uniqueId();
    return this.lazyKey;
  }

  get key(): string {
    const { service, name } = this.request.endpoint;
    return `${service}.${name}/${this.idempotencyKey}`;
  }

  error<C extends string>(code: C, data: unknown, message?: string): ServiceError<C> {
    const { service, name } = this.request.endpoint;
    return new ServiceError(code, message ?? `${service}.${name} failed with ${code}`, { data });
  }

  protected get logFields() {
    const { service, name } = this.request.endpoint;
    return { service, endpoint: name };
  }
}
