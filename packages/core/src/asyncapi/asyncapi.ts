import * as z from "zod";
import { type AnyContract, type Bound, CONTRACT_INFO } from "../contract/contract.js";
import type { AnyEvent, AnyRpc, AnyTask } from "../contract/inference.js";
import type { Schema, Spec } from "../contract/spec.js";
import { isNothing } from "../contract/wire-fault.js";

/** A JSON object. */
type Json = Readonly<Record<string, unknown>>;

/** A server of {@link AsyncApiOptions.servers}. */
export interface AsyncApiServer {
  /** Host and port, such as `nats.example.com:4222`. */
  readonly host: string;
  readonly description?: string;
}

/** Options of {@link asyncApi}. */
export interface AsyncApiOptions {
  /** @default names of the contracts */
  readonly title?: string;
  /** @default that of a single contract, else `1.0.0` */
  readonly version?: string;
  readonly description?: string;
  /** By name. @default none */
  readonly servers?: Readonly<Record<string, AsyncApiServer>>;
}

/** An AsyncAPI document, ready for `JSON.stringify`. */
export interface AsyncApiDocument {
  readonly asyncapi: "3.0.0";
  readonly info: Json;
  readonly servers?: Json;
  readonly defaultContentType: "application/json";
  readonly channels: Json;
  readonly operations: Json;
  readonly components: Json;
}

/**
 * Describes contracts as the services that own them see it: requests and tasks are received, events are sent.
 * Schemas are those of the JSON on the wire.
 *
 * Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0, NATS binding 0.1.0.
 *
 * @example await writeFile("asyncapi.json", JSON.stringify(asyncApi([Orders, Payments]), null, 2));
 */
export function asyncApi(contracts: readonly AnyContract[], options: AsyncApiOptions = {}): AsyncApiDocument {
  const infos = contracts.map((contract) => contract[CONTRACT_INFO]);
  const parts = infos.flatMap(({ endpoints }) => endpoints.map(describe));
  const [only, ...others] = infos;
  const { title = infos.map(({ service }) => service).join(", "), servers } = options;
  const version = options.version ?? (others.length === 0 ? only?.version : undefined) ?? "1.0.0";
  const description = options.description ?? only?.options.description;
  return {
    asyncapi: "3.0.0",
    info: { title, version, ...(description !== undefined && { description }) },
    ...(servers !== undefined && { servers: merged(Object.entries(servers).map(serverOf)) }),
    defaultContentType: "application/json",
    channels: merged(parts.map(({ channels }) => channels)),
    operations: merged(parts.map(({ operations }) => operations)),
    components: { messages: merged(parts.map(({ messages }) => messages)) },
  };
}

interface Part {
  readonly channels: Json;
  readonly operations: Json;
  readonly messages: Json;
}

function describe(endpoint: Spec & Bound): Part {
  if (endpoint.kind === "rpc") return describeRpc(endpoint as AnyRpc & Bound); // the kind tells
  return describeMessage(endpoint as (AnyEvent | AnyTask) & Bound);
}

function describeMessage(endpoint: (AnyEvent | AnyTask) & Bound): Part {
  const id = idOf(endpoint);
  const isTask = endpoint.kind === "task";
  return {
    channels: { [id]: channel(endpoint, [id]) },
    operations: {
      [id]: {
        action: isTask ? "receive" : "send",
        channel: { $ref: `#/channels/${id}` },
        ...described(endpoint),
        messages: [{ $ref: `#/channels/${id}/messages/${id}` }],
        ...(isTask && natsBinding(endpoint.name)),
      },
    },
    messages: { [id]: message(id, endpoint.data) },
  };
}

function describeRpc(endpoint: AnyRpc & Bound): Part {
  const id = idOf(endpoint);
  const [request, reply] = [`${id}.request`, `${id}.reply`];
  const failures = Object.keys(endpoint.errors).map((code) => `${id}.error.${code}`);
  const answers = [reply, ...failures];
  const replyId = `${id}.replies`;
  return {
    channels: {
      [id]: channel(endpoint, [request]),
      // Every caller has a reply subject of its own.
      [replyId]: { address: null, messages: messageRefs(answers) },
    },
    operations: {
      [id]: {
        action: "receive",
        channel: { $ref: `#/channels/${id}` },
        ...described(endpoint),
        messages: [{ $ref: `#/channels/${id}/messages/${request}` }],
        reply: {
          channel: { $ref: `#/channels/${replyId}` },
          messages: answers.map((answer) => ({ $ref: `#/channels/${replyId}/messages/${answer}` })),
        },
        ...natsBinding(endpoint.service),
        ...("streaming" in endpoint && { tags: [{ name: "streaming" }] }),
      },
    },
    messages: {
      [request]: message(request, endpoint.input),
      [reply]: message(reply, endpoint.output),
      ...Object.fromEntries(failures.map((failure) => [failure, errorMessage(failure, endpoint)])),
    },
  };
}

function channel(endpoint: Spec & Bound, messages: readonly string[]): Json {
  const { template } = endpoint;
  const parameters = Object.fromEntries(template.paramNames.map((name) => [name, {}]));
  return {
    address: template.template,
    messages: messageRefs(messages),
    ...(template.paramNames.length > 0 && { parameters }),
  };
}

function messageRefs(ids: readonly string[]): Json {
  return Object.fromEntries(ids.map((id) => [id, { $ref: `#/components/messages/${id}` }]));
}

function message(name: string, schema: Schema): Json {
  return { name, ...(!isNothing(schema) && { payload: jsonSchemaOf(schema) }) };
}

/** Body of an error reply: the same for all, with the data the contract declares. */
function errorMessage(name: string, { errors }: AnyRpc & Bound): Json {
  const code = name.slice(name.lastIndexOf(".") + 1);
  const schema = errors[code];
  return {
    name,
    headers: {
      type: "object",
      required: ["Nats-Service-Error", "Nats-Service-Error-Code"],
      properties: {
        "Nats-Service-Error": { type: "string" },
        "Nats-Service-Error-Code": { type: "string" },
      },
    },
    payload: {
      type: "object",
      required: ["code", "message", "retryable"],
      properties: {
        code: { const: code },
        message: { type: "string" },
        retryable: { type: "boolean" },
        ...(schema !== undefined && !isNothing(schema) && { data: jsonSchemaOf(schema) }),
      },
    },
  };
}

/** JSON Schema of what the wire carries. */
export function jsonSchemaOf(schema: Schema): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-7" });
  return rest;
}

function described({ description }: Spec & { readonly description?: string | undefined }): Json {
  return description === undefined ? {} : { description };
}

function natsBinding(queue: string): Json {
  return { bindings: { nats: { queue, bindingVersion: "0.1.0" } } };
}

function serverOf([name, { host, description }]: readonly [string, AsyncApiServer]): Json {
  return { [name]: { host, protocol: "nats", ...(description !== undefined && { description }) } };
}

function idOf({ service, name }: Bound): string {
  return `${service}.${name}`;
}

function merged(objects: readonly Json[]): Json {
  return Object.assign({}, ...objects) as Json;
}
