import { isGanglionError } from "@ganglion/kernel";
import * as z from "zod";
import {
  type AnyContract,
  type Bound,
  bind,
  CONTRACT_INFO,
  type ContractInfo,
} from "../contract/contract.js";
import type { AnyRpc } from "../contract/inference.js";
import { rpc } from "../contract/spec.js";
import { coreError } from "../errors.js";
import { ServiceError } from "../messages/service-error.js";
import type { ServiceDefinition } from "../metadata/definitions.js";
import type { Policy } from "../policies/policy.js";
import { runAround } from "../policies/run.js";
import type { Runtime } from "../runtime/runtime.js";
import type { ClientOptions } from "./call.js";
import type { AnyCallOptions } from "./rpc-caller.js";

type AnyMethod = (input: unknown, options?: AnyCallOptions) => unknown;

/** A client with a method for each rpc of a contract. */
export function contractClient(runtime: Runtime, contract: AnyContract, options: ClientOptions): object {
  const rpcs = contract[CONTRACT_INFO].endpoints.filter(({ kind }) => kind === "rpc") as (AnyRpc & Bound)[];
  return Object.freeze(
    Object.fromEntries(rpcs.map((endpoint) => [endpoint.name, methodFor(runtime, endpoint, options)])),
  );
}

/** A client with a method for each handler of a service class. */
export function classClient(
  runtime: Runtime,
  { endpoints }: ServiceDefinition,
  options: ClientOptions,
): object {
  const methods = endpoints.flatMap((definition) =>
    definition.role === "handler"
      ? [[definition.method, methodFor(runtime, definition.endpoint, options)] as const]
      : [],
  );
  return Object.freeze(Object.fromEntries(methods));
}

/** A client of a service whose class is not here: every property is a method. */
export function namedClient(runtime: Runtime, service: string, options: ClientOptions): object {
  const info: ContractInfo = { service, version: "0.0.0", major: 0, options: {}, endpoints: [] };
  const methods = new Map<string, AnyMethod>();
  return new Proxy(Object.create(null) as object, {
    get: (_, name) => {
      // An object with a `then` would be taken for a promise.
      if (typeof name === "symbol" || name === "then") return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        method = methodFor(runtime, bind(name, UNCHECKED, info), options);
        methods.set(name, method);
      }
      return method;
    },
  });
}

const UNCHECKED = rpc({ input: z.any(), output: z.any(), validate: false });

function methodFor(
  runtime: Runtime,
  endpoint: AnyRpc & Bound,
  { use = [], timeout }: ClientOptions,
): AnyMethod {
  const caller = runtime.caller.of(endpoint);
  const timed = (options?: AnyCallOptions) =>
    timeout === undefined || options?.timeout !== undefined ? options : { ...options, timeout };
  if ("streaming" in endpoint) return (input, options) => caller.stream(input, timed(options));
  const plain = (input: unknown, options?: AnyCallOptions) => caller.call(input, timed(options));
  const call =
    use.length === 0 ? plain : policedCall({ runtime, endpoint, use }, (options) => timed(options));
  const safe = async (input: unknown, options?: AnyCallOptions) => {
    try {
      return { ok: true, value: await call(input, options) };
    } catch (error) {
      if (!isGanglionError(error)) throw error;
      const { code, message, retryable, details } = error;
      const data = error instanceof ServiceError ? error.data : details;
      return { ok: false, error: { code, message, retryable, data } };
    }
  };
  return Object.assign(call, { safe });
}

interface Policed {
  readonly runtime: Runtime;
  readonly endpoint: AnyRpc & Bound;
  readonly use: readonly Policy[];
}

/** A method whose calls go through policies: one deadline and one idempotency key for all attempts. */
function policedCall(
  { runtime, endpoint, use }: Policed,
  timed: (options?: AnyCallOptions) => AnyCallOptions | undefined,
) {
  const caller = runtime.caller.of(endpoint);
  const { clock } = runtime;
  const { service, name: method, idempotent } = endpoint;
  return async (input: unknown, given?: AnyCallOptions): Promise<unknown> => {
    const options = { idempotencyKey: runtime.uniqueId(), ...timed(given) };
    const deadlineMs = clock.monotonicMs() + caller.budgetMs(options);
    const remainingMs = () => Math.max(0, deadlineMs - clock.monotonicMs());
    const { signal } = options;
    const operation = {
      kind: "rpc",
      service,
      method,
      idempotent,
      input,
      signal,
      clock,
      remainingMs,
    } as const;
    return runAround(use, operation, ({ timeoutMs = Number.POSITIVE_INFINITY }) => {
      const timeout = Math.min(remainingMs(), timeoutMs);
      if (timeout > 0) return caller.call(input, { ...options, timeout });
      const label = `${service}.${method}`;
      throw coreError("TIMEOUT", `${label} was not called again: the time is over`, {
        details: { endpoint: label },
      });
    });
  };
}
