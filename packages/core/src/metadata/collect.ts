import { type ComponentClass, componentOf } from "../component/component.js";
import type { Constructor } from "../container/provider.js";
import {
  type Bound,
  bind,
  type ContractInfo,
  contractInfoOf,
  endpointFaults,
  serviceFaults,
  UNVERSIONED,
  versionFaults,
} from "../contract/contract.js";
import type { Spec } from "../contract/spec.js";
import type { Method } from "../decorators/method-decorator.js";
import { coreError } from "../errors.js";
import type { EndpointDefinition, ServiceDefinition } from "./definitions.js";
import { onceFaults } from "./once-faults.js";
import { orderFaults } from "./order-faults.js";
import { endpointsOf, middlewareOf, type ServiceRecord, serviceRecordOf } from "./record.js";

/** The classes of an app, by what they are. */
export interface Collected {
  readonly services: readonly ServiceDefinition[];
  /** Classes of kinds that packages above core bring. */
  readonly components: readonly ComponentClass[];
}

/**
 * Reads what decorators recorded for the classes of an app, checks it, and freezes it.
 *
 * @throws GanglionError `INVALID_SERVICE` listing all faults of all classes.
 */
export function collect(types: readonly ComponentClass[]): Collected {
  const faults: string[] = [];
  const services: ServiceDefinition[] = [];
  const components: ComponentClass[] = [];
  for (const type of new Set(types)) {
    const record = inherited(type);
    if (record !== undefined) services.push(collectService(type as Constructor<object>, record, faults));
    else if (componentOf(type) !== undefined) components.push(type);
    else faults.push(`${type.name} is no service: put @Service(…) in front of it`);
  }
  faults.push(...duplicates(services));
  if (faults.length > 0) {
    const list = faults.map((fault) => `\n  - ${fault}`).join("");
    throw coreError("INVALID_SERVICE", `The services are refused:${list}`, { details: { faults } });
  }
  return { services, components };
}

/** What {@link Service} said about the class or its nearest base class. */
function inherited(type: ComponentClass): ServiceRecord | undefined {
  for (let at: unknown = type; typeof at === "function"; at = Object.getPrototypeOf(at)) {
    const record = serviceRecordOf(at as ComponentClass);
    if (record !== undefined) return record;
  }
  return undefined;
}

function collectService(
  type: Constructor<object>,
  { what, options }: ServiceRecord,
  faults: string[],
): ServiceDefinition {
  const declared = contractInfoOf(what);
  const contract = declared ?? madeUp(type.name, what as string, { options, faults });
  const endpoints: EndpointDefinition[] = [];
  for (const [name, method] of methodsOf(type)) {
    const middleware = Object.freeze([...middlewareOf(type), ...middlewareOf(method)]);
    for (const record of endpointsOf(method)) {
      const { role, spec, options: given } = record;
      faults.push(
        ...[
          ...methodFaults({ type, name, contract }, role, spec),
          ...orderFaults(record),
          ...onceFaults(record),
        ].map((fault) => `${type.name}.${name} ${fault}`),
      );
      const endpoint = isBound(spec) ? spec : bindFree(name, spec, contract);
      // Role, spec and options come from one decorator and fit.
      endpoints.push(
        Object.freeze({ role, endpoint, options: given, method: name, middleware }) as EndpointDefinition,
      );
    }
  }
  if (declared !== undefined) faults.push(...missing(type, declared, { endpoints, only: options.only }));
  return Object.freeze({
    type,
    name: contract.service,
    version: contract.version,
    description: options.description ?? contract.options.description,
    contract,
    endpoints: Object.freeze(endpoints),
  });
}

/** A contract for a service that has none, holding what it says it sends. */
function madeUp(
  typeName: string,
  service: string,
  { options, faults }: { readonly options: ServiceRecord["options"]; readonly faults: string[] },
): ContractInfo {
  const version = options.version ?? UNVERSIONED;
  const nameFaults = serviceFaults(service);
  faults.push(...[...nameFaults, ...versionFaults(version)].map((fault) => `${typeName}: ${fault}`));
  const endpoints: (Spec & Bound)[] = [];
  const info: ContractInfo = Object.freeze({
    service: nameFaults.length === 0 ? service : "unnamed", // so that the rest can be checked too
    version,
    major: Number.parseInt(version, 10) || 0,
    options: {},
    endpoints,
  });
  for (const spec of options.sends ?? []) {
    if (isBound(spec)) endpoints.push(spec);
    else if (spec.template !== undefined) endpoints.push(bindFree("", spec, info));
    else
      faults.push(
        `${typeName} sends an event or task that has no subject: give it one, or put it into a contract`,
      );
  }
  Object.freeze(endpoints);
  return info;
}

/**
 * Binds a spec outside of a contract: an rpc to the service of the class, an event or task to whom its subject
 * begins with, so that senders and receivers agree on its stream.
 */
function bindFree(name: string, spec: Spec, contract: ContractInfo): Spec & Bound {
  const subject = (spec as Partial<Bound>).template?.template;
  const [owner = ""] = subject?.split(".") ?? [];
  if (spec.kind === "rpc" || serviceFaults(owner).length > 0) return bind(name, spec, contract);
  const endpoints: (Spec & Bound)[] = [];
  const own = Object.freeze({ service: owner, version: UNVERSIONED, major: 0, options: {}, endpoints });
  const bound = bind(lastToken(subject ?? name), spec, own);
  endpoints.push(bound);
  Object.freeze(endpoints);
  return bound;
}

function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}

/** Methods of a class and its base classes, without those that are overridden. */
function methodsOf(type: Constructor<object>): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  for (let at: object = type.prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const method: unknown = Object.getOwnPropertyDescriptor(at, name)?.value;
      if (name !== "constructor" && typeof method === "function" && !methods.has(name)) {
        methods.set(name, method as Method);
      }
    }
  }
  return methods;
}

function isBound(spec: Spec): spec is Spec & Bound {
  return (spec as Partial<Bound>).contract !== undefined;
}

interface MethodPlace {
  readonly type: Constructor<object>;
  readonly name: string;
  readonly contract: ContractInfo;
}

/** @returns words that continue "<Class>.<method> …" */
function methodFaults(
  { name, contract }: MethodPlace,
  role: EndpointDefinition["role"],
  spec: Spec,
): readonly string[] {
  if (!isBound(spec)) {
    const faults = endpointFaults(name, spec).map((fault) => `has a fault: ${fault}`);
    const addressed = role === "handler" || (spec as Partial<Bound>).template !== undefined;
    return addressed ? faults : [...faults, "has an event or task outside of a contract: give it a subject"];
  }
  if (role !== "handler") return [];
  const faults: string[] = [];
  if (spec.contract.service !== contract.service) {
    faults.push(`answers ${spec.service}.${spec.name}, which is not of ${contract.service}`);
  }
  if (spec.name !== name) faults.push(`answers ${spec.service}.${spec.name}: call the method ${spec.name}`);
  return faults;
}

/** The rpcs of a contract no method answers. */
function missing(
  type: Constructor<object>,
  contract: ContractInfo,
  {
    endpoints,
    only,
  }: { readonly endpoints: readonly EndpointDefinition[]; readonly only: readonly string[] | undefined },
): readonly string[] {
  const answered = new Set(
    endpoints.filter(({ role }) => role === "handler").map(({ endpoint }) => endpoint.name),
  );
  return contract.endpoints
    .filter(
      ({ kind, name }) =>
        kind === "rpc" && !answered.has(name) && (only === undefined || only.includes(name)),
    )
    .map(({ name }) =>
      name in type.prototype
        ? `${type.name}.${name} is not decorated: put @Handler in front of it`
        : `${type.name} has no method for the rpc ${name} of ${contract.service}`,
    );
}

/** Endpoints that two methods of one app would both serve. */
function duplicates(services: readonly ServiceDefinition[]): readonly string[] {
  const owners = new Map<string, string>();
  const faults: string[] = [];
  for (const { type, name, endpoints } of services) {
    for (const definition of endpoints) {
      const where = `${type.name}.${definition.method}`;
      const key = keyOf(definition, name);
      const owner = owners.get(key);
      if (owner !== undefined) faults.push(`${where} and ${owner} both serve ${key}`);
      owners.set(key, where);
    }
  }
  return faults;
}

/** What only one method of an app may serve; unique where several may. */
function keyOf(definition: EndpointDefinition, service: string): string {
  const { pattern } = definition.endpoint.template;
  switch (definition.role) {
    case "handler":
      return `requests on ${pattern}${definition.options.queue === undefined ? "" : ` in queue ${definition.options.queue}`}`;
    case "worker":
      return `tasks on ${pattern}`;
    case "subscriber": {
      const { durable } = definition.options;
      if (durable === false) return `events on ${pattern} in ${service}.${definition.method}`;
      return `events on ${pattern} with the durable name ${durable ?? service}`;
    }
  }
}
