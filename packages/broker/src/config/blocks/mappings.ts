import { isValidFilter } from "@ganglion/protocol";
import { compileSubjectTransform } from "../../routing/subject-transform.js";
import { block, byKind, dictionary, field, list, type Reader, refine } from "../reader.js";
import { percent, text } from "../scalars.js";

/** Where a share of the messages of a subject goes. */
export interface MappingDestination {
  /** A subject transform such as `orders.{{wildcard(1)}}`. */
  readonly subject: string;
  /** Percent of the messages, 0 to 100. */
  readonly weight: number;
  /** Holds only for brokers of this cluster. */
  readonly cluster?: string;
}

/** What becomes of messages to a subject. Weights that do not add up to 100 leave the rest where it is. */
export interface MappingConfig {
  readonly source: string;
  readonly destinations: readonly MappingDestination[];
}

const destinationFields = {
  subject: field("destination dest", text),
  weight: field("weight", percent(0)),
  cluster: field("cluster", text),
};

const weightedDestination: Reader<MappingDestination> = refine(
  block(destinationFields),
  ({ subject, weight, cluster }, given) => {
    if (subject === undefined) return given.fault("a mapping needs a destination");
    if (weight === undefined) return given.fault(`the mapping to "${subject}" needs a weight`);
    return Object.freeze({ subject, weight, ...(cluster === undefined ? {} : { cluster }) });
  },
);

const destinations: Reader<readonly MappingDestination[]> = byKind<readonly MappingDestination[]>(
  {
    string: refine(text, (subject) => [{ subject, weight: 100 }]),
    map: refine(weightedDestination, (destination) => [destination]),
    list: list(weightedDestination),
  },
  "a subject, or a list of maps of destination and weight",
);

const mapping: Reader<MappingConfig> = refine(destinations, (all, given) => {
  const source = given.name;
  if (!isValidFilter(source)) return given.fault(`"${source}" is not a valid subject`);
  const totals = new Map<string | undefined, number>();
  const seen = new Set<string>();
  for (const { subject, weight, cluster } of all) {
    const total = (totals.get(cluster) ?? 0) + weight;
    totals.set(cluster, total);
    if (total > 100) given.fault(`the weights of the mappings of "${source}" are more than 100 percent`);
    if (seen.has(subject)) given.fault(`"${source}" is mapped to "${subject}" twice`);
    seen.add(subject);
    if (compileSubjectTransform(source, subject) === undefined) {
      given.fault(`"${subject}" is not a destination for "${source}"`);
    }
  }
  return Object.freeze({ source, destinations: Object.freeze(all) });
});

/**
 * `mappings` of an account.
 *
 * Source: nats-server opts.go `parseAccountMappings`, accounts.go `AddWeightedMappings`.
 */
export const mappings: Reader<readonly MappingConfig[]> = refine(dictionary(mapping), (bySource) =>
  Object.freeze([...bySource.values()]),
);
