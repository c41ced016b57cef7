import type { Position } from "./document.js";
import { invalidConfig } from "./fault.js";
import { readNumber } from "./number-lexer.js";

/** What a {@link Lexer} reads. */
export interface Source {
  readonly text: string;
  readonly file: string;
  /** Position of everything in it, when the text is not in a file but the value of a variable. */
  readonly at?: Position;
}

/** A value without structure. A `variable` is a reference by that name; `$` is not part of it. */
export type Scalar =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "variable"; readonly value: string }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "integer"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "date"; readonly value: Date };

/** A key, and whether it was in quotes: `include` in quotes is an ordinary key. */
export interface Key {
  readonly text: string;
  readonly quoted: boolean;
  readonly at: Position;
}

/** What ends a string that has no quotes; a backslash starts an escape. */
const BARE = /[^\n\r;,\]} \t'\\]*/y;
const DOUBLE_QUOTED = /[^"\\]*/y;
const KEY = /[^\s\u0085=:]+/y;
const BLANK = /[\s\u0085]*/y;
const INLINE = /[ \t]*/y;
const COMMENT = /(?:#|\/\/)[^\n\r]*/y;
const INCLUDE_PATH = /[^\n\r;} \t']+/y;
/** A lone ")" at the start of a line. */
const BLOCK_END = /\n\)(?=\r?\n|$)/g;

const ESCAPES: Readonly<Record<string, string>> = {
  t: "\t",
  n: "\n",
  r: "\r",
  '"': '"',
  "\\": "\\",
  // JSON has these too; nats-server refuses them.
  b: "\b",
  f: "\f",
  "/": "/",
};

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
};

/**
 * Reads the words of a configuration: keys, scalars, comments. The structure is the parser's.
 *
 * Source: nats-server conf/lex.go. What it accepts by accident is refused here: a quote or a NUL in a string
 * without quotes, an unknown size suffix, a key or value that is missing, a lone "/" between values.
 */
export class Lexer {
  private offset = 0;
  private readonly lineStarts: readonly number[];

  constructor(readonly source: Source) {
    this.lineStarts = [0, ...Array.from(source.text.matchAll(/\n/g), ({ index }) => index + 1)];
    const nul = source.text.indexOf("\0");
    if (nul !== -1) this.fail("a NUL character is not allowed", this.positionOf(nul));
  }

  /** The next character, or "" at the end. */
  peek(): string {
    return this.source.text[this.offset] ?? "";
  }

  get atEnd(): boolean {
    return this.offset >= this.source.text.length;
  }

  get atNewline(): boolean {
    return this.peek() === "\n" || this.peek() === "\r";
  }

  get position(): Position {
    return this.positionOf(this.offset);
  }

  /** Ends the reading with a fault. */
  fail(message: string, at: Position = this.position): never {
    throw invalidConfig([{ at, message }]);
  }

  /** Consumes `character` if it is next. */
  take(character: string): boolean {
    if (this.peek() !== character || this.atEnd) return false;
    this.offset++;
    return true;
  }

  /** Skips whitespace, newlines included. */
  skipWhitespace(): void {
    this.match(BLANK);
  }

  /** Skips whitespace, newlines and comments. */
  skipBlank(): void {
    do this.match(BLANK);
    while (this.match(COMMENT) !== undefined);
  }

  /** Skips what may follow a value on its line: spaces, and a comment. */
  skipRestOfLine(): void {
    this.match(INLINE);
    this.match(COMMENT);
  }

  /** Skips spaces and tabs. */
  skipInline(): void {
    this.match(INLINE);
  }

  /** Reads the key of an entry. */
  readKey(): Key {
    const quote = this.peek();
    if (quote === '"' || quote === "'") {
      this.offset++;
      const at = this.position;
      return { text: this.readUntil(quote), quoted: true, at };
    }
    const at = this.position;
    if (/^[=:,;[\](){}/]/.test(quote)) this.fail(`expected a key, found "${quote}"`);
    const text = this.match(KEY) ?? "";
    const brace = text.search(/[{}]/);
    if (brace > 0) {
      this.fail(`put a space between "${text.slice(0, brace)}" and "${text[brace]}", or quote the key`, at);
    }
    return { text, quoted: false, at };
  }

  /** Reads the path of an `include`. */
  readIncludePath(): string {
    this.skipInline();
    const first = this.peek();
    if (first === '"' || first === "'") {
      this.offset++;
      return this.readUntil(first);
    }
    const path = /^[-\d[{(\\]/.test(first) ? undefined : this.match(INCLUDE_PATH);
    return path ?? this.fail("expected the path of a file after include");
  }

  /** Reads a value that is neither a map nor a list. */
  readScalar(): Scalar {
    const first = this.peek();
    if (first === "") return this.fail("expected a value, found the end");
    if (/[\n\r,;\]}]/.test(first)) return this.fail(`expected a value, found ${describe(first)}`);
    if (first === ".")
      return this.fail("a number starts with a digit; quote a string that starts with a dot");
    if (first === "'" || first === '"') {
      this.offset++;
      return { kind: "string", value: first === "'" ? this.readUntil("'") : this.readEscaped() };
    }
    if (first === "(") return { kind: "string", value: this.readBlock() };
    if (/[-0-9]/.test(first)) {
      const read = readNumber(this.source.text, this.offset);
      if (read !== undefined && "problem" in read) return this.fail(read.problem);
      if (read !== undefined) {
        this.offset = read.end;
        return read.scalar;
      }
    }
    return this.readBare();
  }

  /** Reads up to `quote` without looking at escapes, and consumes it. */
  private readUntil(quote: string): string {
    const end = this.source.text.indexOf(quote, this.offset);
    if (end === -1)
      this.fail(`the string that starts here has no closing ${quote}`, this.positionOf(this.offset - 1));
    const text = this.source.text.slice(this.offset, end);
    this.offset = end + 1;
    return text;
  }

  private readBare(): Scalar {
    const at = this.position;
    let text = this.match(BARE) ?? "";
    const hasEscapes = this.peek() === "\\";
    if (hasEscapes) text = this.readEscapes(text, BARE);
    if (this.peek() === "'") this.fail("a string with a quote in it must be in double quotes", at);
    if (!hasEscapes && text.startsWith("$")) return { kind: "variable", value: text.slice(1) };
    const word = text.toLowerCase();
    if (!hasEscapes && Object.hasOwn(BOOLEANS, word))
      return { kind: "boolean", value: BOOLEANS[word] === true };
    return { kind: "string", value: text };
  }

  private readEscaped(): string {
    const at = this.positionOf(this.offset - 1);
    const text = this.readEscapes(this.match(DOUBLE_QUOTED) ?? "", DOUBLE_QUOTED);
    if (!this.take('"')) this.fail('the string that starts here has no closing "', at);
    return text;
  }

  /** Reads on after `head` as long as escapes and runs of `plain` characters follow. */
  private readEscapes(head: string, plain: RegExp): string {
    const parts: Uint8Array[] = [Buffer.from(head)];
    while (this.peek() === "\\") {
      const at = this.position;
      this.offset++;
      const letter = this.peek();
      this.offset++;
      if (letter === "x") parts.push(Buffer.from(this.readHex(2, at), "hex"));
      else if (letter === "u") parts.push(this.readUnicode(at));
      else if (Object.hasOwn(ESCAPES, letter)) parts.push(Buffer.from(ESCAPES[letter] ?? ""));
      else
        this.fail(
          `unknown escape "\\${letter}"; allowed are \\t \\n \\r \\b \\f \\" \\\\ \\/ \\xXX \\uXXXX`,
          at,
        );
      parts.push(Buffer.from(this.match(plain) ?? ""));
    }
    // \xXX are bytes: several of them may make one character.
    return Buffer.concat(parts).toString("utf8");
  }

  private readUnicode(at: Position): Buffer {
    let units = this.readCodeUnit(at);
    if (units >= "\ud800" && units <= "\udbff" && this.source.text.startsWith("\\u", this.offset)) {
      this.offset += 2;
      units += this.readCodeUnit(at);
    }
    return Buffer.from(units);
  }

  private readCodeUnit(at: Position): string {
    return String.fromCharCode(Number.parseInt(this.readHex(4, at), 16));
  }

  private readHex(count: number, at: Position): string {
    const digits = this.source.text.slice(this.offset, this.offset + count);
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length < count) {
      this.fail(`expected ${count} hexadecimal digits, found ${JSON.stringify(digits)}`, at);
    }
    this.offset += count;
    return digits;
  }

  private readBlock(): string {
    const start = this.offset + 1;
    BLOCK_END.lastIndex = start;
    const end = BLOCK_END.exec(this.source.text);
    if (end === null) return this.fail('the block that starts here has no ")" alone on a line');
    this.offset = BLOCK_END.lastIndex;
    return this.source.text.slice(start, end.index + 1);
  }

  /** Consumes what matches here, undefined when nothing does. */
  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.source.text)?.[0];
    if (found !== undefined) this.offset += found.length;
    return found;
  }

  private positionOf(offset: number): Position {
    const { at, file } = this.source;
    if (at !== undefined) return at;
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file, line: low + 1, column: offset - (this.lineStarts[low] ?? 0) + 1 };
  }
}

/** Names a character for a message. */
export function describe(character: string): string {
  if (character === "") return "the end";
  return character === "\n" || character === "\r" ? "the end of the line" : `"${character}"`;
}
