import { type Duration, durationMs } from "@ganglion/kernel";
import { contractError } from "./contract-error.js";
import type { ErrorSchemas, Rpc, Schema, Spec } from "./spec.js";
import { SubjectTemplate } from "./subject-template.js";
import { wireFault } from "./wire-fault.js";

/** Facts every endpoint of a contract shares. */
export interface ContractInfo {
  readonly service: string;
  /** Semantic version. */
  readonly version: string;
  /** First number of the version: parties with different ones do not understand each other. */
  readonly major: number;
  readonly options: ContractOptions;
  /** All endpoints, in the order they were declared. */
  readonly endpoints: readonly (Spec & Bound)[];
}

/** Version of what belongs to no contract: its senders and receivers are not compared. */
export const UNVERSIONED = "0.0.0";

/** Limits of a stream that core derives from a contract. What is left out is unlimited or the server's default. */
export interface StreamOptions {
  /** Defaults to `<service>-events` and `<service>-tasks`. */
  readonly name?: string;
  /** Events: keep by limits, or until every subscriber has it. @default "limits" */
  readonly retention?: "limits" | "interest";
  readonly storage?: "file" | "memory";
  readonly replicas?: number;
  readonly maxMessages?: number;
  readonly maxBytes?: number;
  readonly maxAge?: Duration;
  readonly maxMessagesPerSubject?: number;
  readonly discard?: "old" | "new";
  /** How long ids of emitted events are remembered, so that a retry does not store them twice. @default 2 minutes */
  readonly duplicateWindow?: Duration;
}

/** Options of {@link contract}. */
export interface ContractOptions {
  readonly description?: string;
  /** The stream of the contract's durable events. */
  readonly events?: StreamOptions;
  /** The work-queue stream of its tasks. Its retention is always `workqueue`. */
  readonly tasks?: Omit<StreamOptions, "retention">;
}

/** What a contract adds to a spec. */
export interface Bound<Service extends string = string, Name extends string = string> {
  readonly name: Name;
  readonly service: Service;
  readonly template: SubjectTemplate;
  readonly contract: ContractInfo;
}

/** Names of the endpoints in a contract's declaration. */
export type EndpointNames<D> = Exclude<keyof D, "version"> & string;

/** Key under which a contract object keeps its {@link ContractInfo}. */
export const CONTRACT_INFO: unique symbol = Symbol.for("ganglion.contract");

/** A contract: its endpoints, each knowing its name, service and subject. */
export type Contract<N extends string, D> = {
  readonly [K in EndpointNames<D>]: D[K] & Bound<N, K>;
} & { readonly [CONTRACT_INFO]: ContractInfo };

/** Any contract. */
export interface AnyContract {
  readonly [CONTRACT_INFO]: ContractInfo;
}

/** A name of a service or endpoint: one token of a subject. Source: ADR-32, "Service name". */
const NAME = /^[A-Za-z0-9_-]+$/;
/** Source: https://semver.org, simplified: three numbers, then pre-release and build. */
const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
/** An object with a `then` would be taken for a promise. */
const RESERVED_NAMES = new Set(["then", "constructor", "__proto__"]);

/**
 * Declares what a service offers. Share it between the service and its callers.
 *
 * @param service - letters, digits, `-` and `_`.
 * @param declaration - `version` (semantic) and the endpoints by name.
 * @throws GanglionError `INVALID_CONTRACT` listing all faults: names, version, subjects used twice, and schemas
 *   that cannot be encoded or described as JSON Schema, such as `z.date()` (use a codec) or `.transform()`.
 * @example
 * export const Orders = contract("orders", {
 *   version: "1.2.0",
 *   place: rpc({ input: PlaceOrder, output: OrderRef }),
 *   placed: event({ data: OrderPlaced }),
 * });
 */
export function contract<
  const N extends string,
  D extends { readonly version: string } & { readonly [K in Exclude<keyof D, "version">]: Spec },
>(service: N, declaration: D, options: ContractOptions = {}): Contract<N, D> {
  const { version, ...specs } = declaration;
  const faults = [...serviceFaults(service), ...versionFaults(version)];
  checkDurations(options);
  const bound: (Spec & Bound)[] = [];
  const info: ContractInfo = Object.freeze({
    service,
    version,
    major: Number.parseInt(version, 10),
    options,
    endpoints: bound,
  });
  const endpoints: Record<string | symbol, unknown> = { [CONTRACT_INFO]: info };
  const nameByPattern = new Map<string, string>();
  for (const [name, spec] of Object.entries(specs)) {
    const found = endpointFaults(name, spec);
    faults.push(...found);
    if (found.length > 0) continue;
    const endpoint = bind(name, spec as Spec, info); // without faults it is a spec
    const { pattern } = endpoint.template;
    const twin = nameByPattern.get(pattern);
    if (twin !== undefined) faults.push(`${name} and ${twin} share the subject ${pattern}`);
    nameByPattern.set(pattern, name);
    endpoints[name] = endpoint;
    bound.push(endpoint);
  }
  if (faults.length > 0) throw contractError(service, faults);
  Object.freeze(bound);
  return Object.freeze(endpoints) as Contract<N, D>; // every key of D was bound, or we threw
}

/** The facts of a contract, undefined when `value` is none. */
export function contractInfoOf(value: unknown): ContractInfo | undefined {
  return typeof value === "object" && value !== null ? (value as AnyContract)[CONTRACT_INFO] : undefined;
}

/** Whether `value` was made by {@link rpc}, {@link event} or {@link task}. */
export function isSpec(value: unknown): value is Spec {
  const kind = typeof value === "object" && value !== null ? (value as Partial<Spec>).kind : undefined;
  return kind === "rpc" || kind === "event" || kind === "task";
}

/** What is wrong with a service's name. */
export function serviceFaults(service: string): readonly string[] {
  return NAME.test(service) ? [] : [`service name ${JSON.stringify(service)} must match ${NAME.source}`];
}

/** What is wrong with a version. */
export function versionFaults(version: string): readonly string[] {
  if (SEMVER.test(version)) return [];
  return [`version ${JSON.stringify(version)} must be semantic, such as "1.0.0"`];
}

/** What is wrong with an endpoint. */
export function endpointFaults(name: string, spec: unknown): readonly string[] {
  if (!isSpec(spec)) return [`${name} is no endpoint: use rpc(), event() or task()`];
  const faults: string[] = [];
  if (!NAME.test(name) || RESERVED_NAMES.has(name)) {
    faults.push(`endpoint name ${JSON.stringify(name)} must match ${NAME.source} and not be reserved`);
  }
  for (const [what, schema] of schemasOf(spec)) {
    const fault = wireFault(schema);
    if (fault !== undefined) faults.push(`${name}.${what} ${fault}`);
  }
  return [...faults, ...partitionFaults(name, spec)];
}

const MAX_PARTITIONS = 256;

function partitionFaults(name: string, spec: Spec): readonly string[] {
  const partitions = partitionsOf(spec);
  if (partitions === undefined) return [];
  const faults: string[] = [];
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > MAX_PARTITIONS) {
    faults.push(`${name} has ${partitions} partitions: use a whole number from 1 to ${MAX_PARTITIONS}`);
  }
  if ((spec as Partial<AnyKeyed>).key === undefined) {
    faults.push(`${name} has partitions and no key to divide it by: declare one, such as key: (d) => d.id`);
  }
  const template = (spec as Partial<Bound>).template?.template ?? "";
  if (/(^|\.)(>|\{partition\})($|\.)/.test(template)) {
    faults.push(
      `${name} has partitions: its subject ${template} can neither end in > nor name {partition} itself`,
    );
  }
  return faults;
}

interface AnyKeyed {
  readonly key: unknown;
  readonly partitions: number | undefined;
}

function partitionsOf(spec: Spec): number | undefined {
  return (spec as Partial<AnyKeyed>).partitions;
}

/** Gives an endpoint its name and service. */
export function bind<E extends Spec>(name: string, spec: E, info: ContractInfo): E & Bound {
  const declared = (spec as E & Partial<Bound>).template;
  const plain = declared ?? new SubjectTemplate(`${info.service}.${name}`);
  const template =
    partitionsOf(spec) === undefined ? plain : new SubjectTemplate(`${plain.template}.{partition}`);
  return Object.freeze({ ...spec, name, service: info.service, template, contract: info });
}

/** @throws GanglionError `INVALID_DURATION` */
function checkDurations(options: ContractOptions): void {
  for (const stream of [options.events, options.tasks]) {
    if (stream?.maxAge !== undefined) durationMs(stream.maxAge, "maxAge");
    if (stream?.duplicateWindow !== undefined) durationMs(stream.duplicateWindow, "duplicateWindow");
  }
}

function schemasOf(spec: Spec): [what: string, schema: Schema][] {
  if (spec.kind !== "rpc") return [["data", (spec as Spec & { readonly data: Schema }).data]];
  const { input, output, errors } = spec as Rpc<Schema, Schema, ErrorSchemas>;
  return [
    ["input", input],
    ["output", output],
    ...Object.entries(errors).map(([code, schema]): [string, Schema] => [`errors.${code}`, schema]),
  ];
}
