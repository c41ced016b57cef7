import { protocolError } from "./errors.js";

/**
 * A decoded header block. Names keep their case and their order; a name may occur more than once.
 *
 * Source: NATS ADR-4.
 */
export interface MessageHeaders {
  /** Status code of the first line, such as 503; undefined when it has none. */
  readonly status?: number | undefined;
  /** Text after the status code; empty when there is none. */
  readonly description?: string | undefined;
  readonly entries: readonly (readonly [name: string, value: string])[];
}

/** First line of every header block, without its line end. */
const VERSION_LINE = "NATS/1.0";
const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;

/** An encoded header block with nothing in it. */
export const EMPTY_HEADERS: Uint8Array = Buffer.from(`${VERSION_LINE}\r\n\r\n`);

/**
 * Encodes a header block: `NATS/1.0[ code[ text]]`, one line per entry, an empty line.
 *
 * @throws GanglionError `INVALID_HEADER` for a name with a colon, whitespace or control character, or a value
 *   with a line break.
 */
export function encodeHeaders(headers: MessageHeaders): Buffer {
  let text = VERSION_LINE;
  if (headers.status !== undefined) {
    text += ` ${headers.status}`;
    if (headers.description) text += ` ${headers.description}`;
  }
  text += "\r\n";
  for (const [name, value] of headers.entries) {
    checkEntry(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`);
}

function checkEntry(name: string, value: string): void {
  if (name === "" || !/^[!-9;-~]+$/.test(name) || /[\r\n]/.test(value)) {
    throw protocolError(
      "INVALID_HEADER",
      `Invalid header ${JSON.stringify(name)}: a name is printable ASCII without ":" and spaces, a value has no line break`,
      { details: { name } },
    );
  }
}

/**
 * Decodes a header block.
 *
 * @param block - the block alone, or with `headerSizeBytes` a message that begins with it.
 * @throws GanglionError `MALFORMED_HEADERS` when it does not begin with the version, or a line has no colon.
 */
export function decodeHeaders(block: Uint8Array, headerSizeBytes = block.length): MessageHeaders {
  const text = Buffer.from(block.buffer, block.byteOffset, headerSizeBytes).toString("utf8");
  const [first = "", ...lines] = text.split("\r\n");
  const match = /^NATS\/1\.0(?:\s+(\d{3})\s*(.*))?\s*$/.exec(first);
  if (match === null) {
    throw protocolError(
      "MALFORMED_HEADERS",
      `Header block begins with ${JSON.stringify(first.slice(0, 40))}`,
    );
  }
  const entries: [string, string][] = [];
  for (const line of lines) {
    if (line === "") continue;
    const colon = line.indexOf(":");
    if (colon < 1) {
      throw protocolError(
        "MALFORMED_HEADERS",
        `Header line ${JSON.stringify(line.slice(0, 40))} has no name`,
      );
    }
    entries.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  if (match[1] === undefined) return { entries };
  return { status: Number(match[1]), description: (match[2] ?? "").trim(), entries };
}

/** Index of the first byte of the line `name:` in a block, or -1. Names are compared exactly, as nats-server does. */
function lineIndex(block: Uint8Array, headerSizeBytes: number, name: string): number {
  let at = 0;
  while (at < headerSizeBytes) {
    const lf = block.indexOf(LF, at);
    if (lf === -1 || lf >= headerSizeBytes) return -1;
    at = lf + 1;
    if (block[at + name.length] !== COLON || at + name.length >= headerSizeBytes) continue;
    let i = 0;
    while (i < name.length && block[at + i] === name.charCodeAt(i)) i++;
    if (i === name.length) return at;
  }
  return -1;
}

/** Index of the CR that ends the line at `start`, or the size of the block. */
function lineEnd(block: Uint8Array, headerSizeBytes: number, start: number): number {
  for (let at = block.indexOf(CR, start); at !== -1 && at < headerSizeBytes; at = block.indexOf(CR, at + 1)) {
    if (block[at + 1] === LF) return at;
  }
  return headerSizeBytes;
}

/**
 * The value of the first header `name`, without decoding the others.
 *
 * @param block - a header block, or with `headerSizeBytes` a message that begins with one.
 * @param name - ASCII; compared with its case.
 */
export function getHeader(
  block: Uint8Array,
  name: string,
  headerSizeBytes = block.length,
): string | undefined {
  const start = lineIndex(block, headerSizeBytes, name);
  if (start === -1) return undefined;
  let from = start + name.length + 1;
  const to = lineEnd(block, headerSizeBytes, from);
  while (from < to && block[from] === SPACE) from++;
  return Buffer.from(block.buffer, block.byteOffset + from, to - from).toString("utf8");
}

/** Whether a header `name` is present. */
export function hasHeader(block: Uint8Array, name: string, headerSizeBytes = block.length): boolean {
  return lineIndex(block, headerSizeBytes, name) !== -1;
}

/**
 * Returns a new block in which the headers given replace all of the same name; the others keep their bytes.
 * New ones go to the end, in their order.
 *
 * @param block - an encoded block; an empty array counts as a block without headers.
 * @throws GanglionError `INVALID_HEADER`.
 */
export function setHeaders(
  block: Uint8Array,
  entries: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
): Buffer {
  const list = Array.isArray(entries) ? entries : Object.entries(entries);
  let lines = "";
  let kept: Uint8Array = block.length === 0 ? EMPTY_HEADERS : block;
  for (const [name, value] of list) {
    checkEntry(name, value);
    kept = removeHeaders(kept, (present) => present === name);
    lines += `${name}: ${value}\r\n`;
  }
  return Buffer.concat([kept.subarray(0, kept.length - 2), Buffer.from(`${lines}\r\n`)]);
}

/**
 * Returns the block without the headers whose name `matches`; the same block when there are none.
 * The result keeps its version line even when no header is left.
 */
export function removeHeaders(block: Uint8Array, matches: (name: string) => boolean): Uint8Array {
  const pieces: Uint8Array[] = [];
  let from = 0;
  let start = lineEnd(block, block.length, 0) + 2;
  while (start < block.length) {
    const end = lineEnd(block, block.length, start) + 2;
    const colon = block.indexOf(COLON, start);
    if (colon !== -1 && colon < end && matches(latin1(block, start, colon))) {
      pieces.push(block.subarray(from, start));
      from = end;
    }
    start = end;
  }
  if (pieces.length === 0) return block;
  pieces.push(block.subarray(from));
  return Buffer.concat(pieces);
}

function latin1(block: Uint8Array, start: number, end: number): string {
  return Buffer.from(block.buffer, block.byteOffset + start, end - start).toString("latin1");
}
