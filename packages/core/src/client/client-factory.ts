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
import { ServiceError } from "../messages/service-error.js";
import type { ServiceDefinition } from "../metadata/definitions.js";
import type { Runtime } from "../runtime/runtime.js";
import type { AnyCallOptions } from "./rpc-caller.js";

type AnyMethod = (input: unknown, options?: AnyCallOptions) => unknown;

/** A client with a method for each rpc of a contract. */
export function contractClient(runtime: Runtime, contract: AnyContract): object {
  const rpcs = contract[CONTRACT_INFO].endpoints.filter(({ kind }) => kind === "rpc") as (AnyRpc & Bound)[];
  return Object.freeze(
    Object.fromEntries(rpcs.map((endpoint) => [endpoint.name, methodFor(runtime, endpoint)])),
  );
}

/** A client with a method for each handler of a service class. */
export function classClient(runtime: Runtime, { endpoints }: ServiceDefinition): object {
  const methods = endpoints.flatMap((definition) =>
    definition.role === "handler"
      ? [[definition.method, methodFor(runtime, definition.endpoint)] as const]
      : [],
  );
  return Object.freeze(Object.fromEntries(methods));
}

/** A client of a service whose class is not here: every property is a method. */
export function namedClient(runtime: Runtime, service: string): object {
  const info: ContractInfo = { service, version: "0.0.0", major: 0, options: {}, endpoints: [] };
  const methods = new Map<string, AnyMethod>();
  return new Proxy(Object.create(null) as object, {
    get: (_, name) => {
      // An object with a `then` would be taken for a promise.
      if (typeof name === "symbol" || name === "then") return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        method = methodFor(runtime, bind(name, UNCHECKED, info));
        methods.set(name, method);
      }
      return method;
    },
  });
}

const UNCHECKED = rpc({ input: z.any(), output: z.any(), validate: false });

function methodFor(runtime: Runtime, endpoint: AnyRpc & Bound): AnyMethod {
  const caller = runtime.caller.of(endpoint);
  if ("streaming" in endpoint) return (input, options) => caller.stream(input, options);
  const call = (input: unknown, options?: AnyCallOptions) => caller.call(input, options);
  const safe = async (input: unknown, options?: AnyCallOptions) => {
    try {
      return { ok: true, value: await caller.call(input, options) };
    } catch (error) {
      if (!isGanglionError(error)) throw error;
      const { code, message, retryable, details } = error;
      const data = error instanceof ServiceError ? error.data : details;
      return { ok: false, error: { code, message, retryable, data } };
    }
  };
  return Object.assign(call, { safe });
}
