/** One attribute, its type in lower case. */
type Attribute = readonly [type: string, value: string];

/** Attributes that belong together; nearly always one. */
type RelativeName = readonly Attribute[];

/** The subject of a certificate: `CN=a,OU=b`, most specific first. */
export type DistinguishedName = readonly RelativeName[];

/** An attribute up to an unescaped separator, in RFC 4514. */
const ATTRIBUTE = /\s*([^=,+\s]+)\s*=\s*((?:\\.|[^\\,+])*)(,|\+|$)/y;

/**
 * Parses a name as RFC 4514 writes it.
 *
 * @returns undefined when it is none, such as a plain user name.
 */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const names: Attribute[][] = [[]];
  ATTRIBUTE.lastIndex = 0;
  for (;;) {
    const [, type = "", raw = "", separator = ""] = ATTRIBUTE.exec(text) ?? [];
    const value = unescaped(raw);
    // A value that starts with # is BER in hexadecimal, which nobody writes.
    if (type === "" || value === undefined || raw.startsWith("#")) return undefined;
    names.at(-1)?.push([type.toLowerCase(), value]);
    if (separator === "") return names;
    if (separator === ",") names.push([]);
  }
}

/** Without escapes, and without spaces at the end that are not escaped. */
function unescaped(raw: string): string | undefined {
  const trimmed = /^((?:\\.|[^\\])*?)\s*$/s.exec(raw)?.[1] ?? raw;
  const parts: Buffer[] = [];
  for (const [part] of trimmed.matchAll(/\\[0-9a-fA-F]{2}|\\?[\s\S]/gu)) {
    if (/^\\[0-9a-fA-F]{2}$/.test(part)) parts.push(Buffer.from(part.slice(1), "hex"));
    else if (part.length > 1 && part.startsWith("\\") && !/^\\[ "#+,;<=>\\]$/.test(part)) return undefined;
    else parts.push(Buffer.from(part.startsWith("\\") ? part.slice(1) : part));
  }
  return Buffer.concat(parts).toString("utf8");
}

/** How far two names are the same. */
export type NameMatch = "equal" | "reordered" | "different";

/** Compares two names. Types are compared without case, the order inside a relative name does not matter. */
export function compareDistinguishedNames(a: DistinguishedName, b: DistinguishedName): NameMatch {
  const keysOfA = a.map(keyOf);
  const keysOfB = b.map(keyOf);
  if (JSON.stringify(keysOfA) === JSON.stringify(keysOfB)) return "equal";
  return JSON.stringify(keysOfA.sort()) === JSON.stringify(keysOfB.sort()) ? "reordered" : "different";
}

function keyOf(name: RelativeName): string {
  return JSON.stringify([...name].sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1)));
}
