import { posix } from "node:path";
import { isGanglionError } from "@ganglion/kernel";
import type { ConfigEntry, ConfigList, ConfigMap, ConfigValue, Position } from "./document.js";
import { faultsOf, unreadableConfig } from "./fault.js";
import { describe, type Key, Lexer, type Source } from "./lexer.js";

/** Reads a file as text, and throws when it cannot. */
export type FileReader = (path: string) => string;

/** The world outside the text of a configuration. */
export interface ParserWorld {
  /** Reads included files. */
  readonly readFile: FileReader;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Deepest nesting of maps and lists. */
const MAX_DEPTH = 100;
/** Deepest nesting of includes. */
const MAX_INCLUDES = 32;
/** A hash of bcrypt, which is no variable although it starts with a dollar. */
const BCRYPT_HASH = /^2[abxy]\$/;

/**
 * Parses a configuration file and what it includes.
 *
 * @param path - the file; an `include` in it is relative to its directory.
 * @throws GanglionError `CONFIG_UNREADABLE`, or `INVALID_CONFIG` at the first fault of the grammar.
 */
export function parseConfigFile(path: string, world: ParserWorld): ConfigMap {
  let text: string;
  try {
    text = world.readFile(path);
  } catch (error) {
    throw unreadableConfig(path, error);
  }
  return parseConfig({ text, file: path }, world);
}

/**
 * Parses the text of a configuration.
 *
 * @throws GanglionError `INVALID_CONFIG` at the first fault of the grammar.
 */
export function parseConfig(source: Source, world: ParserWorld): ConfigMap {
  return new Parser(source, { world, files: [posix.normalize(source.file)], variables: [] }).parseDocument();
}

/** How the text came to be parsed: what it must not include or refer to again. */
interface Origin {
  readonly world: ParserWorld;
  readonly files: readonly string[];
  readonly variables: readonly string[];
}

/** An entry while it is parsed: a later `$KEY` marks it. */
type MutableEntry = { -readonly [K in keyof ConfigEntry]: ConfigEntry[K] };
type Scope = Map<string, MutableEntry>;

/**
 * Recursive descent over one text. Includes and variables of the environment get a parser of their own.
 *
 * Source: nats-server conf/parse.go, conf/lex.go.
 */
class Parser {
  private readonly lexer: Lexer;
  /** The open maps, innermost last: where `$KEY` is looked up. */
  private readonly scopes: Scope[] = [];
  private depth = 0;

  constructor(
    source: Source,
    private readonly origin: Origin,
  ) {
    this.lexer = new Lexer(source);
  }

  /** The whole text as one map. Entries may stand in braces, as in JSON. */
  parseDocument(): ConfigMap {
    const { lexer } = this;
    const at = lexer.position;
    const root: Scope = new Map();
    this.scopes.push(root);
    lexer.skipBlank();
    while (!lexer.atEnd) {
      if (lexer.take("{")) this.parseEntries(root);
      else this.parseEntry(root, { newlineMayPrecedeValue: false });
      lexer.skipBlank();
    }
    return { kind: "map", entries: root, at };
  }

  /** The whole text as one value: what a variable of the environment holds. */
  parseLoneValue(): ConfigValue {
    const { lexer } = this;
    lexer.skipInline();
    if (lexer.atEnd) return { kind: "string", value: "", at: lexer.position };
    const value = this.parseValue();
    lexer.skipBlank();
    if (!lexer.atEnd) lexer.fail(`expected the end of the value, found ${describe(lexer.peek())}`);
    return value;
  }

  /** Entries up to the closing brace. */
  private parseEntries(scope: Scope): void {
    const { lexer } = this;
    const at = lexer.position;
    lexer.skipBlank();
    while (!lexer.take("}")) {
      if (lexer.atEnd) lexer.fail('the map that starts here has no closing "}"', at);
      this.parseEntry(scope, { newlineMayPrecedeValue: true });
      lexer.skipBlank();
    }
  }

  private parseEntry(scope: Scope, { newlineMayPrecedeValue }: { newlineMayPrecedeValue: boolean }): void {
    const { lexer } = this;
    const key = lexer.readKey();
    if (!key.quoted && key.text.toLowerCase() === "include" && /\s/.test(lexer.peek())) {
      this.include(scope, key.at);
    } else {
      lexer.skipWhitespace();
      if (lexer.take("=") || lexer.take(":")) {
        if (newlineMayPrecedeValue) lexer.skipWhitespace();
        else lexer.skipInline();
      }
      this.set(scope, key, this.parseValue());
    }
    this.endElement("}");
  }

  private set(scope: Scope, key: Key, value: ConfigValue): void {
    scope.set(key.text, { key: key.text, value, at: key.at, isReferenced: false });
  }

  private parseValue(): ConfigValue {
    const { lexer } = this;
    const at = lexer.position;
    if (lexer.peek() === "{" || lexer.peek() === "[") return this.nested(at);
    const scalar = lexer.readScalar();
    return scalar.kind === "variable" ? this.resolve(scalar.value, at) : { ...scalar, at };
  }

  private nested(at: Position): ConfigMap | ConfigList {
    const { lexer } = this;
    if (++this.depth > MAX_DEPTH) lexer.fail(`nested more than ${MAX_DEPTH} levels`);
    const value = lexer.take("{") ? this.parseMap(at) : this.parseList(at);
    this.depth--;
    return value;
  }

  private parseMap(at: Position): ConfigMap {
    const entries: Scope = new Map();
    this.scopes.push(entries);
    this.parseEntries(entries);
    this.scopes.pop();
    return { kind: "map", entries, at };
  }

  private parseList(at: Position): ConfigList {
    const { lexer } = this;
    const items: ConfigValue[] = [];
    lexer.take("[");
    lexer.skipBlank();
    while (!lexer.take("]")) {
      if (lexer.atEnd) lexer.fail('the list that starts here has no closing "]"', at);
      items.push(this.parseValue());
      this.endElement("]");
      lexer.skipBlank();
    }
    return { kind: "list", items, at };
  }

  /** What stands between two elements: a newline, a comma (in maps also ";"), or the closing bracket. */
  private endElement(closing: "}" | "]"): void {
    const { lexer } = this;
    lexer.skipRestOfLine();
    const sawNewline = lexer.atNewline;
    // JSON may have its comma on the next line.
    if (sawNewline) lexer.skipBlank();
    if (lexer.take(",") || (closing === "}" && lexer.take(";"))) return;
    if (sawNewline || lexer.atEnd || lexer.peek() === closing) return;
    lexer.fail(`expected a newline, "," or "${closing}" after the value, found ${describe(lexer.peek())}`);
  }

  /** Puts the entries of an included file into `scope`. The file sees its own keys as variables only. */
  private include(scope: Scope, at: Position): void {
    const { lexer } = this;
    const { world, files } = this.origin;
    const name = lexer.readIncludePath();
    const path = posix.join(posix.dirname(lexer.source.file), name);
    if (files.includes(path)) lexer.fail(`"${name}" includes itself: ${[...files, path].join(" > ")}`, at);
    if (files.length > MAX_INCLUDES) lexer.fail(`includes are nested more than ${MAX_INCLUDES} levels`, at);
    const source = { text: this.readIncluded(path, at), file: path };
    const included = new Parser(source, { world, files: [...files, path], variables: [] });
    for (const [key, entry] of included.parseDocument().entries) scope.set(key, { ...entry });
  }

  private readIncluded(path: string, at: Position): string {
    try {
      return this.origin.world.readFile(path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.lexer.fail(`cannot read the included file "${path}": ${reason}`, at);
    }
  }

  /** The value of `$name`: of a key of an open map, innermost first, else of the environment. */
  private resolve(name: string, at: Position): ConfigValue {
    const { lexer } = this;
    if (BCRYPT_HASH.test(name)) return { kind: "string", value: `$${name}`, at };
    for (const scope of this.scopes.toReversed()) {
      const entry = scope.get(name);
      if (entry === undefined) continue;
      entry.isReferenced = true;
      return { ...entry.value, at };
    }
    const { world, variables } = this.origin;
    if (variables.includes(name)) {
      lexer.fail(`the variable "${name}" refers to itself: ${[...variables, name].join(" > ")}`, at);
    }
    const text = Object.hasOwn(world.env, name) ? world.env[name] : undefined;
    if (text === undefined)
      return lexer.fail(`the variable "${name}" is neither a key above nor in the environment`, at);
    try {
      const origin = { world, files: this.origin.files, variables: [...variables, name] };
      return new Parser({ text, file: lexer.source.file, at }, origin).parseLoneValue();
    } catch (error) {
      if (!isGanglionError(error, "INVALID_CONFIG")) throw error;
      return lexer.fail(`the variable "${name}" of the environment: ${faultsOf(error)[0]?.message}`, at);
    }
  }
}
