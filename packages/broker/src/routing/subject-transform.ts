import { subjectMatches } from "@ganglion/protocol";

/** Maps a subject; undefined when it does not match the transform's source. */
export type SubjectTransform = (subject: string) => string | undefined;

/** Makes one piece of the destination from the tokens of the source subject. */
type Piece = (tokens: readonly string[]) => string;

/** What a piece is made from: the source's tokens, and where its wildcards are. */
interface SourceShape {
  /** Token index of the n-th `*`, at position n - 1. */
  readonly wildcards: readonly number[];
}

/**
 * Compiles a subject transform such as `orders.*.*` → `o.{{wildcard(2)}}.{{partition(4,1)}}`.
 *
 * Destination tokens: literals, `$n`, `{{wildcard(n)}}`, `{{partition(buckets[,n…])}}`,
 * `{{splitFromLeft(n,at)}}`, `{{splitFromRight(n,at)}}`, `{{sliceFromLeft(n,size)}}`,
 * `{{sliceFromRight(n,size)}}`, `{{split(n,separator)}}`, `{{left(n,count)}}`, `{{right(n,count)}}`,
 * `{{random(buckets)}}`, and last `>` when the source ends in it.
 *
 * @param source - empty means `>`.
 * @returns the transform, or undefined when the two do not fit.
 * Source: nats-server subject_transform.go.
 */
export function compileSubjectTransform(source: string, destination: string): SubjectTransform | undefined {
  const from = source === "" ? ">" : source;
  if (destination === "") return undefined;
  if (from === ">" && destination === ">") return (subject) => subject;
  const sourceTokens = from.split(".");
  const destinationTokens = destination.split(".");
  const hasTail = sourceTokens.at(-1) === ">";
  if (hasTail !== (destinationTokens.at(-1) === ">")) return undefined;
  if (!isShape(sourceTokens) || !isShape(destinationTokens) || destinationTokens.includes("*"))
    return undefined;
  const wildcards = sourceTokens.flatMap((token, index) => (token === "*" ? [index] : []));
  const pieces: Piece[] = [];
  for (const token of hasTail ? destinationTokens.slice(0, -1) : destinationTokens) {
    const piece = compilePiece(token, { wildcards });
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  const tailStart = sourceTokens.length - 1;
  return (subject) => {
    if (!subjectMatches(from, subject)) return undefined;
    const tokens = subject.split(".");
    const mapped = pieces.map((piece) => piece(tokens));
    return (hasTail ? [...mapped, ...tokens.slice(tailStart)] : mapped).join(".");
  };
}

/** Whether tokens make a subject: none empty, `>` only as the last. */
function isShape(tokens: readonly string[]): boolean {
  return tokens.every((token, index) => token !== "" && (token !== ">" || index === tokens.length - 1));
}

const FUNCTION = /^\{\{\s*(\w+)\s*\((.*)\)\s*\}\}$/;

function compilePiece(token: string, shape: SourceShape): Piece | undefined {
  if (/^\$\d+$/.test(token)) return wildcardPiece(Number(token.slice(1)), shape, (value) => value);
  if (!(token.startsWith("{{") && token.endsWith("}}"))) return () => token;
  const match = FUNCTION.exec(token);
  if (match === null) return undefined;
  const args = (match[2] ?? "").split(",").map((arg) => arg.trim());
  return compileFunction((match[1] ?? "").toLowerCase(), args, shape);
}

function compileFunction(name: string, args: readonly string[], shape: SourceShape): Piece | undefined {
  const [first = "", second = ""] = args;
  if (name === "partition") return partitionPiece(args, shape);
  if (name === "random") return args.length === 1 ? randomPiece(integerOf(first)) : undefined;
  if (name === "wildcard") {
    return args.length === 1 ? wildcardPiece(integerOf(first), shape, (value) => value) : undefined;
  }
  if (args.length !== 2) return undefined;
  if (name === "split")
    return wildcardPiece(integerOf(first), shape, (value) => joinParts(value.split(second)));
  const apply = SIZED_FUNCTIONS.get(name);
  const size = integerOf(second);
  if (apply === undefined || size === undefined) return undefined;
  return wildcardPiece(integerOf(first), shape, (value) =>
    size > 0 && size < value.length ? apply(value, size) : value,
  );
}

/** Functions of a token and a size that lies within it. */
const SIZED_FUNCTIONS: ReadonlyMap<string, (value: string, size: number) => string> = new Map([
  ["splitfromleft", (value, at) => `${value.slice(0, at)}.${value.slice(at)}`],
  ["splitfromright", (value, at) => `${value.slice(0, -at)}.${value.slice(-at)}`],
  ["slicefromleft", (value, size) => slices(value, size, size).join(".")],
  ["slicefromright", (value, size) => slices(value, value.length % size || size, size).join(".")],
  ["left", (value, count) => value.slice(0, count)],
  ["right", (value, count) => value.slice(-count)],
]);

/** Cuts `value` into pieces of `size`, the first one of `firstSize`. */
function slices(value: string, firstSize: number, size: number): string[] {
  const parts = [value.slice(0, firstSize)];
  for (let at = firstSize; at < value.length; at += size) parts.push(value.slice(at, at + size));
  return parts;
}

function joinParts(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(".");
}

function wildcardPiece(
  position: number | undefined,
  { wildcards }: SourceShape,
  map: (value: string) => string,
): Piece | undefined {
  const index = position === undefined ? undefined : wildcards[position - 1];
  return index === undefined ? undefined : (tokens) => map(tokens[index] ?? "");
}

function partitionPiece(args: readonly string[], { wildcards }: SourceShape): Piece | undefined {
  const [buckets, ...positions] = args.map(integerOf);
  if (buckets === undefined || buckets < 0) return undefined;
  const indexes = positions.map((position) => (position === undefined ? undefined : wildcards[position - 1]));
  if (indexes.includes(undefined)) return undefined;
  return (tokens) => {
    const key = indexes.length === 0 ? tokens.join(".") : indexes.map((index) => tokens[index ?? 0]).join("");
    return String(buckets === 0 ? 0 : fnv1a(key) % buckets);
  };
}

function randomPiece(buckets: number | undefined): Piece | undefined {
  return buckets === undefined ? undefined : () => String(Math.floor(Math.random() * buckets));
}

function integerOf(text: string): number | undefined {
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** FNV-1a, 32 bits, over the UTF-8 bytes of `text`. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
