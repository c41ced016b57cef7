import { createHash } from "node:crypto";

const PLAIN = /^[a-z0-9_-]{1,64}$/;
const MAX_READABLE_LENGTH = 40;

/**
 * A directory or file name for an account, stream or consumer of any name: itself when it is short and plain
 * lower case, otherwise a readable part, `~` and a hash. Two names never share one, on file systems that
 * ignore case neither. The true name is kept in the metadata.
 */
export function directoryName(name: string): string {
  if (PLAIN.test(name)) return name;
  const readable = name.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, MAX_READABLE_LENGTH);
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 20);
  return `${readable}~${hash}`;
}
