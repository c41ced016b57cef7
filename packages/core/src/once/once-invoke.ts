import { rpcCodec } from "../messages/endpoint-codec.js";
import { IDEMPOTENCY_HEADER } from "../messages/header-names.js";
import type { EndpointDefinition } from "../metadata/definitions.js";
import type { Invoke } from "../runtime/invoke.js";
import type { Runtime } from "../runtime/runtime.js";
import { Once, type OutcomeForms } from "./once.js";
import { OnceRecords } from "./once-records.js";

/** Lease of a request that has no deadline. */
const DEFAULT_LEASE_MS = 60_000;
const NO_OUTCOME: OutcomeForms = { output: undefined, errors: new Map() };

/** A method, and the service it belongs to. */
export interface MethodOfService {
  readonly service: string;
  readonly definition: EndpointDefinition;
}

/**
 * Makes the calls of a method happen once for each idempotency key, if it says so. A request without such a header
 * is different from every other: it is not recorded.
 */
export function invokeOnce(
  runtime: Runtime,
  { service, definition }: MethodOfService,
  invoke: Invoke,
): Invoke {
  if (definition.options.once !== true) return invoke;
  const isRpc = definition.role === "handler";
  const once = new Once({
    records: new OnceRecords({ service, method: definition.method }, () => runtime.transport),
    forms: isRpc ? rpcCodec(definition.endpoint) : NO_OUTCOME,
    clock: runtime.clock,
    uniqueId: () => runtime.uniqueId(),
  });
  return (input, ctx) => {
    if (isRpc && ctx.headers.get(IDEMPOTENCY_HEADER) === undefined) return invoke(input, ctx);
    return once.do({
      key: ctx.key,
      leaseMs: ctx.remainingMs() ?? DEFAULT_LEASE_MS,
      handedOver: !isRpc,
      signal: ctx.signal,
      run: () => invoke(input, ctx),
    });
  };
}
