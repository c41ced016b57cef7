import type { AnyEvent, AnyRpc, AnyTask } from "../contract/inference.js";
import type { Spec } from "../contract/spec.js";
import { WireForm } from "./wire-form.js";

/** The wire forms of an rpc. */
export interface RpcCodec {
  readonly input: WireForm;
  readonly output: WireForm;
  readonly errors: ReadonlyMap<string, WireForm>;
}

const rpcCodecs = new WeakMap<Spec, RpcCodec>();
const dataCodecs = new WeakMap<Spec, WireForm>();

/** The wire forms of an rpc, compiled once. */
export function rpcCodec(endpoint: AnyRpc): RpcCodec {
  let codec = rpcCodecs.get(endpoint);
  if (codec === undefined) {
    const { input, output, errors, validate } = endpoint;
    codec = {
      input: new WireForm(input, validate),
      output: new WireForm(output, validate),
      errors: new Map(Object.keys(errors).map((code) => [code, new WireForm(errors[code], true)])),
    };
    rpcCodecs.set(endpoint, codec);
  }
  return codec;
}

/** The wire form of an event's or task's data, compiled once. */
export function dataCodec(endpoint: AnyEvent | AnyTask): WireForm {
  let codec = dataCodecs.get(endpoint);
  if (codec === undefined) {
    codec = new WireForm(endpoint.data, endpoint.validate);
    dataCodecs.set(endpoint, codec);
  }
  return codec;
}
