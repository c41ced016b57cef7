/** The shape of a JSON value: its keys and types without its values. A list has the shapes of its elements, merged. */
export type Shape = { readonly [path: string]: readonly string[] };

/**
 * The shape of a value as a flat table: path to the JSON types that stand there. Elements of lists are `[]`. Keys of
 * `maps`, whose keys are data, are `*`.
 */
export function shapeOf(value: unknown, maps: ReadonlySet<string>): Shape {
  const types = new Map<string, Set<string>>();
  collect(value, "", { types, maps });
  return Object.fromEntries([...types].map(([path, set]) => [path, [...set].sort()]));
}

interface Collection {
  readonly types: Map<string, Set<string>>;
  readonly maps: ReadonlySet<string>;
}

function collect(value: unknown, path: string, into: Collection): void {
  const type = typeOf(value);
  const known = into.types.get(path);
  if (known === undefined) into.types.set(path, new Set([type]));
  else known.add(type);
  if (Array.isArray(value)) {
    for (const element of value) collect(element, `${path}[]`, into);
  } else if (typeof value === "object" && value !== null) {
    const isMap = into.maps.has(path);
    for (const [key, member] of Object.entries(value)) collect(member, `${path}.${isMap ? "*" : key}`, into);
  }
}

const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;
const DURATION = /^(\d+y)?(\d+d)?(\d+h)?(\d+m)?\d+s$/;
const GO_DURATION = /^(\d+h)?(\d+m)?\d+(\.\d+)?(s|ms|µs|ns)$/;

/** JSON's types, with strings told apart by what monitoring writes in them. */
function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value !== "string") return typeof value;
  if (TIMESTAMP.test(value)) return "timestamp";
  return DURATION.test(value) || GO_DURATION.test(value) ? "duration" : "string";
}

/** A difference between two shapes. */
export interface ShapeDifference {
  readonly path: string;
  readonly ours: string;
  readonly theirs: string;
}

/** What differs between two shapes, by path. */
export function shapeDifferences(ours: Shape, theirs: Shape): ShapeDifference[] {
  const paths = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].sort();
  const text = (types: readonly string[] | undefined) => types?.join("|") ?? "absent";
  return paths
    .map((path) => ({ path, ours: text(ours[path]), theirs: text(theirs[path]) }))
    .filter((difference) => difference.ours !== difference.theirs);
}
