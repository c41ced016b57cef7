import type { EndpointRecord } from "./record.js";

/** What is wrong with `once`, in words that continue "<Class>.<method> …". */
export function onceFaults({ spec, options }: EndpointRecord): readonly string[] {
  if (options.once !== true) return [];
  if ("batch" in options && options.batch !== undefined) {
    return ["does its work once and takes batches, which are put together anew: leave once or batch out"];
  }
  if ("streaming" in spec) {
    return ["does its work once and answers with many values, which cannot be stored: leave once out"];
  }
  return [];
}
