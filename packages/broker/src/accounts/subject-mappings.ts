import { hasWildcard, subjectMatches } from "@ganglion/protocol";
import type { MappingConfig } from "../config/blocks/mappings.js";
import { compileSubjectTransform, type SubjectTransform } from "../routing/subject-transform.js";

/** Where a share of the messages goes. */
interface Destination {
  /** Upper end of its share, in percent. */
  readonly below: number;
  readonly transform: SubjectTransform;
}

interface Mapping {
  readonly source: string;
  readonly isLiteral: boolean;
  readonly destinations: readonly Destination[];
  /** What the shares leave is lost; otherwise it stays where it is. */
  readonly losesRest: boolean;
}

/**
 * What becomes of the subjects that clients of an account publish to.
 *
 * Source: nats-server accounts.go `AddWeightedMappings`, `selectMappedSubject`.
 */
export class SubjectMappings {
  private readonly literal = new Map<string, Mapping>();
  private readonly wildcard: readonly Mapping[];

  constructor(readonly configs: readonly MappingConfig[]) {
    const mappings = configs.map(mapping);
    for (const one of mappings.filter(({ isLiteral }) => isLiteral)) this.literal.set(one.source, one);
    this.wildcard = mappings.filter(({ isLiteral }) => !isLiteral);
  }

  /**
   * Maps a literal subject; what no mapping is for stays as it is.
   *
   * @returns empty, which leads nowhere, for the share of messages that is to be lost.
   */
  map(subject: string): string {
    const found =
      this.literal.get(subject) ?? this.wildcard.find(({ source }) => subjectMatches(source, subject));
    if (found === undefined) return subject;
    const percent = Math.random() * 100;
    const destination = found.destinations.find(({ below }) => percent < below);
    if (destination !== undefined) return destination.transform(subject) ?? subject;
    return found.losesRest ? "" : subject;
  }
}

function mapping({ source, destinations }: MappingConfig): Mapping {
  let below = 0;
  const known = destinations.flatMap(({ subject, weight, cluster }) => {
    // A broker of its own is in no cluster.
    if (cluster !== undefined) return [];
    // The source as its own destination is written with the wildcards it has.
    const transform = subject === source ? same : compileSubjectTransform(source, subject);
    if (transform === undefined) return [];
    below += weight;
    return [{ below, transform }];
  });
  const losesRest = destinations.some(({ subject }) => subject === source);
  return { source, isLiteral: !hasWildcard(source), destinations: known, losesRest };
}

const same: SubjectTransform = (subject) => subject;
