import type { EndpointRecord } from "./record.js";

/** What is wrong with `orderBy`, in words that continue "<Class>.<method> …". */
export function orderFaults({ role, spec, options }: EndpointRecord): readonly string[] {
  if (role === "handler" || options.orderBy === undefined) return [];
  const faults: string[] = [];
  if (spec.key === undefined) {
    faults.push(
      `is ordered by key, but its ${spec.kind} has none: declare it, such as ${spec.kind}({ data, key: (d) => d.id }), or leave orderBy out`,
    );
  }
  if ("batch" in options && options.batch !== undefined) {
    faults.push("is ordered by key and takes batches, which hold many keys: leave orderBy or batch out");
  }
  if ("durable" in options && options.durable === false) {
    faults.push("is ordered by key, but keeps no messages to hold back: leave orderBy or durable: false out");
  }
  return faults;
}
