import { isGanglionError } from "@ganglion/kernel";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { plainValue } from "./document.js";
import { faultsOf } from "./fault.js";
import { type ParserWorld, parseConfig, parseConfigFile } from "./parser.js";

function world(files: Record<string, string> = {}, env: Record<string, string> = {}): ParserWorld {
  return {
    env,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
  };
}

function parse(text: string, env: Record<string, string> = {}): unknown {
  return plainValue(parseConfig({ text, file: "a.conf" }, world({}, env)));
}

/** The only fault of a text, as `line:column: message`. */
function faultOf(text: string, env: Record<string, string> = {}): string {
  try {
    return `accepted as ${JSON.stringify(parse(text, env))}`;
  } catch (error) {
    if (!isGanglionError(error, "INVALID_CONFIG")) throw error;
    const [fault] = faultsOf(error);
    return `${fault?.at.line}:${fault?.at.column}: ${fault?.message}`;
  }
}

describe("keys and separators", () => {
  test.each([
    ["a=1", { a: 1 }],
    ["a:1", { a: 1 }],
    ["a 1", { a: 1 }],
    ["a = 1\nb: 2\nc 3", { a: 1, b: 2, c: 3 }],
    ["a=1,b=2;c=3", { a: 1, b: 2, c: 3 }],
    ["a\n  = 1", { a: 1 }],
    ["a { b = 1 }", { a: { b: 1 } }],
    ["a = {b: 1, c: 2\n d 3}", { a: { b: 1, c: 2, d: 3 } }],
    ["a\n{\n}\n", { a: {} }],
    ["a [1, 2\n 3,]", { a: [1, 2, 3] }],
    ["a: [[1],[{b:2}]]", { a: [[1], [{ b: 2 }]] }],
    [`"a b" = 1\n'c=d' = 2`, { "a b": 1, "c=d": 2 }],
    ["$JS.> = 1\nfoo.* = 2", { "$JS.>": 1, "foo.*": 2 }],
    ["a = 1 # one\n// two\nb = 2 // two", { a: 1, b: 2 }],
    ["a [ # first\n 1 // one\n # two\n 2 ]", { a: [1, 2] }],
    ["a { # first\n b = 1 # one\n }", { a: { b: 1 } }],
    ["a = 1\r\nb = 2\r\n", { a: 1, b: 2 }],
    ["a = 1\na = 2", { a: 2 }],
    ["\ufeffa = 1", { a: 1 }],
    ["", {}],
    ["# nothing\n", {}],
    ["{ a = 1 }\nb = 2", { a: 1, b: 2 }],
    ["__proto__ = 1", JSON.parse('{"__proto__": 1}')],
  ])("%j", (text, expected) => expect(parse(text)).toEqual(expected));
});

describe("strings", () => {
  test.each([
    ["a = b", "b"],
    ["a = b#c", "b#c"],
    ["a = nats://h:1/x", "nats://h:1/x"],
    [`a = b"c`, 'b"c'],
    ["a = ''", ""],
    ['a = ""', ""],
    [String.raw`a = 'x\ty'`, String.raw`x\ty`],
    [String.raw`a = "x\ty\n\r\"\\\/\b\f"`, 'x\ty\n\r"\\/\b\f'],
    [String.raw`a = "\x41\xc3\xa9"`, "Aé"],
    [String.raw`a = "\u00e9\ud83d\ude00"`, "é😀"],
    [String.raw`a = x\ty`, "x\ty"],
    [String.raw`a = \x24x`, "$x"],
    ['a = "b\nc"', "b\nc"],
    ["a = (\n one\n ) two\n)\n", "\n one\n ) two\n"],
    ["a = (\nx\n)", "\nx\n"],
    ["a = (x)\n)\n", "x)\n"],
    ['a = "true"', "true"],
    ["a = 10s", "10s"],
    ["a = 1h30m", "1h30m"],
    ["a = 5m30s", "5m30s"],
    ["a = 127.0.0.1:4222", "127.0.0.1:4222"],
    ["a = 2.9.10", "2.9.10"],
    ["a = 1:2", "1:2"],
    ["a = 10min", "10min"],
    ["a = 7abc", "7abc"],
    ["a = $2a$11$abcdefgh", "$2a$11$abcdefgh"],
    ["a = $2b$11$abcdefgh", "$2b$11$abcdefgh"],
  ])("%j", (text, expected) => expect(parse(text)).toEqual({ a: expected }));
});

describe("booleans, numbers and dates", () => {
  test.each<[string, unknown]>([
    ...["true", "yes", "on", "TRUE", "Yes"].map((word) => [`a = ${word}`, true] as [string, boolean]),
    ...["false", "no", "off", "OFF"].map((word) => [`a = ${word}`, false] as [string, boolean]),
    ["a = 0", 0],
    ["a = -12", -12],
    ["a = 007", 7],
    ["a = 1k", 1000],
    ["a = 1K", 1000],
    ["a = 1kb", 1024],
    ["a = 1Ki", 1024],
    ["a = 2KiB", 2048],
    ["a = 3m", 3_000_000],
    ["a = 64MB", 64 * 1024 ** 2],
    ["a = 1g", 1e9],
    ["a = 1GiB", 1024 ** 3],
    ["a = 1t", 1e12],
    ["a = 1tb", 1024 ** 4],
    ["a = 1p", 1e15],
    ["a = 1pi", 1024 ** 5],
    ["a = 1e", 1e18],
    ["a = 7eb", 7 * 1024 ** 6],
    ["a = -1k", -1000],
    ["a = 1.5", 1.5],
    ["a = -0.25", -0.25],
    ["a = 2016-05-04T18:53:41Z", new Date("2016-05-04T18:53:41Z")],
  ])("%j", (text, expected) => expect(parse(text)).toEqual({ a: expected }));
});

describe("faults", () => {
  test.each([
    ["a =", "1:4: expected a value, found the end"],
    ["a =\n1", "1:4: expected a value, found the end of the line"],
    ["a", "1:2: expected a value, found the end"],
    ["x {\n a = }", '2:6: expected a value, found "}"'],
    ["a = 1 b = 2", '1:7: expected a newline, "," or "}" after the value, found "b"'],
    ["a = [1 2]", '1:8: expected a newline, "," or "]" after the value, found "2"'],
    ["a = [1;2]", '1:7: expected a newline, "," or "]" after the value, found ";"'],
    ["a = [,1]", '1:6: expected a value, found ","'],
    ["a = [1,,1]", '1:8: expected a value, found ","'],
    ["a = 1,,b = 1", '1:7: expected a key, found ","'],
    ["= 1", '1:1: expected a key, found "="'],
    ["a = 1\n}", '2:1: expected a key, found "}"'],
    ["a { b = 1", '1:4: the map that starts here has no closing "}"'],
    ["a [ 1", '1:3: the list that starts here has no closing "]"'],
    ["a { b = 1 ]", '1:11: expected a newline, "," or "}" after the value, found "]"'],
    ["tls{ a = 1 }", '1:1: put a space between "tls" and "{", or quote the key'],
    ['a = "b', '1:5: the string that starts here has no closing "'],
    ["\n  a = 'b", "2:7: the string that starts here has no closing '"],
    [`"a = 1`, '1:1: the string that starts here has no closing "'],
    ["a = it's", "1:5: a string with a quote in it must be in double quotes"],
    ["a = (\nx", '1:5: the block that starts here has no ")" alone on a line'],
    [
      "a = 1kbb",
      '1:5: unknown size suffix in "1kbb"; allowed are k, kb, ki, kib and the same with m, g, t, p, e',
    ],
    ["a = 99999999999999999999", "1:5: 99999999999999999999 does not fit in 64 bits"],
    ["a = 10eb", "1:5: 10eb does not fit in 64 bits"],
    ["a = .5", "1:5: a number starts with a digit; quote a string that starts with a dot"],
    ["a = 5.", "1:5: a float has a digit after its dot"],
    ["a = -x", '1:5: expected a digit after "-"; quote a string that starts with "-"'],
    ["a = -5s", '1:5: quote a string that starts with "-"'],
    ["a = 2016-05-04", "1:5: a date is written YYYY-MM-DDThh:mm:ssZ; quote a string that starts like one"],
    [
      "a = 2016-02-31T00:00:00Z",
      "1:5: a date is written YYYY-MM-DDThh:mm:ssZ; quote a string that starts like one",
    ],
    [
      String.raw`a = "\q"`,
      String.raw`1:6: unknown escape "\q"; allowed are \t \n \r \b \f \" \\ \/ \xXX \uXXXX`,
    ],
    [String.raw`a = "\x4"`, String.raw`1:6: expected 2 hexadecimal digits, found "4\""`],
    ["a = \0", "1:5: a NUL character is not allowed"],
    ["a = $nobody", '1:5: the variable "nobody" is neither a key above nor in the environment'],
    ["a = $toString", '1:5: the variable "toString" is neither a key above nor in the environment'],
    [`a = ${"[".repeat(101)}`, "1:105: nested more than 100 levels"],
  ])("%j", (text, expected) => expect(faultOf(text)).toBe(expected));
});

describe("variables", () => {
  it("are the keys above, in the open maps, innermost first", () => {
    const text = "x = 1\na { x = 2\n b { c = $x\n d = [$x, { x = 3, e = $x }] } }\nf = $x";
    expect(parse(text)).toEqual({ x: 1, a: { x: 2, b: { c: 2, d: [2, { x: 3, e: 3 }] } }, f: 1 });
  });

  it("are not the keys of maps that are closed, nor keys below", () => {
    expect(faultOf("a { x = 1 }\nb = $x\nx = 2")).toContain('"x" is neither');
  });

  it("can hold maps and lists", () => {
    expect(parse("p = { allow = [a] }\nu = [$p, $p]")).toEqual({
      p: { allow: ["a"] },
      u: [{ allow: ["a"] }, { allow: ["a"] }],
    });
  });

  it("of the environment are parsed as values", () => {
    const env = { A: "10MB", B: "[x, y]", C: '"10MB"', D: "", E: "$A", F: "{ g: yes }", G: " 1 # one" };
    expect(parse("a=$A\nb=$B\nc=$C\nd=$D\ne=$E\nf=$F\ng=$G", env)).toEqual({
      a: 10 * 1024 ** 2,
      b: ["x", "y"],
      c: "10MB",
      d: "",
      e: 10 * 1024 ** 2,
      f: { g: true },
      g: 1,
    });
  });

  it("of the environment yield to keys", () =>
    expect(parse("A = 1\nb = $A", { A: "2" })).toEqual({ A: 1, b: 1 }));

  it("of the environment must not refer to themselves", () => {
    const env = { A: "$B", B: "[$A]" };
    expect(faultOf("a = $A", env)).toMatch(/^1:5: .*the variable "A" refers to itself: A > B > A$/);
  });

  it("of the environment with a fault name the variable at the place of its use", () => {
    expect(faultOf("\n a = $A", { A: "one two" })).toBe(
      '2:6: the variable "A" of the environment: expected the end of the value, found "t"',
    );
  });

  it("in quotes or with an escape are strings", () => {
    expect(parse(`x=1\na = "$x"\nb = '$x'`)).toEqual({ x: 1, a: "$x", b: "$x" });
  });

  it("mark the key they refer to", () => {
    const { entries } = parseConfig({ text: "x = 1\ny = $x", file: "a.conf" }, world());
    expect([...entries.values()].map(({ key, isReferenced }) => [key, isReferenced])).toEqual([
      ["x", true],
      ["y", false],
    ]);
  });
});

describe("include", () => {
  const load = (files: Record<string, string>) => plainValue(parseConfigFile("etc/a.conf", world(files)));

  it("is relative to the including file, quoted or not, in any map", () => {
    const files = {
      "etc/a.conf": "include ./b.conf\nm { include 'sub/c.conf', x = 1 }\nINCLUDE \"b.conf\" # again",
      "etc/b.conf": "b = 1",
      "etc/sub/c.conf": "include ../d.conf; c = 1",
      "etc/d.conf": "d = 1",
    };
    expect(load(files)).toEqual({ b: 1, m: { d: 1, c: 1, x: 1 } });
  });

  it("is an ordinary key with a separator or in quotes", () => {
    expect(parse(`include= b`)).toEqual({ include: "b" });
    expect(parse(`"include" b`)).toEqual({ include: "b" });
  });

  it("gives its keys to the includer as variables, and does not see the includer's", () => {
    const files = { "etc/a.conf": "x = 1\ninclude b.conf\nc = $y", "etc/b.conf": "y = 2" };
    expect(load(files)).toEqual({ x: 1, y: 2, c: 2 });
    const blind = { "etc/a.conf": "x = 1\ninclude b.conf", "etc/b.conf": "y = $x" };
    expect(() => load(blind)).toThrow('etc/b.conf:1:5: the variable "x"');
  });

  it("refuses cycles, unreadable files and what is no path", () => {
    const cycle = { "etc/a.conf": "include b.conf", "etc/b.conf": "\n include sub/../a.conf" };
    expect(() => load(cycle)).toThrow(
      'etc/b.conf:2:2: "sub/../a.conf" includes itself: etc/a.conf > etc/b.conf > etc/a.conf',
    );
    expect(() => load({ "etc/a.conf": "include x" })).toThrow(
      'etc/a.conf:1:1: cannot read the included file "etc/x": no such file',
    );
    for (const path of ["[a]", "{a}", "(a)", "1", "-a", "\n"]) {
      expect(() => load({ "etc/a.conf": `include ${path}` })).toThrow("expected the path of a file");
    }
  });

  it("may include one file twice, but not without end", () => {
    const deep = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [i === 0 ? "etc/a.conf" : `etc/${i}`, `include "${i + 1}"`]),
    );
    expect(() => load(deep)).toThrow("nested more than 32 levels");
  });
});

it("parseConfigFile throws CONFIG_UNREADABLE when the file itself is not there", () => {
  expect(() => parseConfigFile("x.conf", world())).toThrow(
    expect.objectContaining({ code: "CONFIG_UNREADABLE" }),
  );
});

it("gives every key and value its position", () => {
  const text = 'a = 1\n  b: { "c" = [ x,\n y ] }';
  const { entries } = parseConfig({ text, file: "f" }, world());
  const b = entries.get("b");
  const c = b?.value.kind === "map" ? b.value.entries.get("c") : undefined;
  const items = c?.value.kind === "list" ? c.value.items : [];
  const places = [entries.get("a"), entries.get("a")?.value, b, b?.value, c, c?.value, ...items];
  expect(places.map((x) => `${x?.at.file}:${x?.at.line}:${x?.at.column}`)).toEqual([
    "f:1:1",
    "f:1:5",
    "f:2:3",
    "f:2:6",
    "f:2:9",
    "f:2:14",
    "f:2:16",
    "f:3:2",
  ]);
});

describe("fuzzing (a failure prints its seed)", () => {
  /** JSON without null and without numbers that need an exponent: the grammar has neither. */
  const json = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.string({ unit: "binary" }).filter((text) => !text.includes("\0")),
      fc.boolean(),
      fc.maxSafeInteger().map((n) => (Object.is(n, -0) ? 0 : n)),
      fc
        .tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: 1, max: 999 }))
        .map(([a, b]) => a + b / 1024),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.string().filter((key) => !/["\\\0]/.test(key)),
        tie("value"),
        { maxKeys: 4 },
      ),
    ),
  })).value;
  const object = fc.dictionary(
    fc.string().filter((key) => !/["\\\0]/.test(key)),
    json,
    { maxKeys: 5 },
  );

  test("documents of JSON come back the same, however they are indented", () => {
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
        expect(parse(JSON.stringify(value, null, indent))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 500 },
    );
  });

  test("any text is parsed or refused with INVALID_CONFIG at a place inside it", () => {
    const word = fc.constantFrom(
      ..."= : , ; { } [ ] ( ) # // \n \r \" ' \\ \\x4 $ $x x include 1 1k -1 1.5 . 2016- true a ".split(" "),
      " ",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(word, { maxLength: 40 }).map((x) => x.join("")),
    );
    fc.assert(
      fc.property(text, (input) => {
        const fault = faultOf(input);
        if (fault.startsWith("accepted")) return;
        const [line = 0, column = 0] = fault.split(":").map(Number);
        const lines = input.split("\n");
        expect(line).toBeGreaterThan(0);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThan(0);
        expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 2);
      }),
      { numRuns: 5000 },
    );
  });
});
