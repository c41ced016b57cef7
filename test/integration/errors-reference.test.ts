import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const REFERENCE = `${ROOT}docs/reference/errors.md`;

interface ErrorCode {
  readonly code: string;
  readonly meaning: string;
}

interface PackageErrors {
  readonly name: string;
  readonly codes: readonly ErrorCode[];
}

const REGENERATE =
  "regenerate it: GANGLION_UPDATE_DOCS=1 npx vitest run --config test/vitest.config.ts errors-reference";

it("docs/reference/errors.md lists the codes of every package's error table", async () => {
  const expected = formatReference(await readTables());
  if (process.env.GANGLION_UPDATE_DOCS === "1") writeFileSync(REFERENCE, expected);
  expect(readFileSync(REFERENCE, "utf8"), REGENERATE).toBe(expected);
});

it("every package with an errors.ts has a table in it, and no code belongs to two packages", async () => {
  const owners = new Map<string, string>();
  for (const { name, codes } of await readTables()) {
    expect(codes, `${name}: errors.ts has no table`).not.toEqual([]);
    for (const { code } of codes) {
      expect(owners.get(code), `${code} belongs to two packages`).toBeUndefined();
      owners.set(code, name);
    }
  }
  expect(owners.get("INVALID_DURATION")).toBe("kernel");
});

async function readTables(): Promise<readonly PackageErrors[]> {
  const files = readdirSync(`${ROOT}packages`)
    .map((name) => ({ name, file: `${ROOT}packages/${name}/src/errors.ts` }))
    .filter(({ file }) => existsSync(file));
  return Promise.all(
    files.map(async ({ name, file }) => {
      const codes = [...(await codesOfTables(file)), ...codesOfUnion(file)];
      return { name, codes: codes.sort((a, b) => (a.code < b.code ? -1 : 1)) };
    }),
  );
}

/** `export const X_ERRORS = { CODE: "meaning" }` */
async function codesOfTables(file: string): Promise<readonly ErrorCode[]> {
  const module: Record<string, unknown> = await import(file);
  return Object.entries(module)
    .filter(([name]) => name.endsWith("_ERRORS"))
    .flatMap(([, table]) => Object.entries(table as Record<string, string>))
    .map(([code, meaning]) => ({ code, meaning }));
}

/** A doc comment in front of `| "CODE"`: a member of a union type. */
function codesOfUnion(file: string): readonly ErrorCode[] {
  const source = readFileSync(file, "utf8");
  return [...source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*\|\s*"([A-Z0-9_]+)"/g)].map((match) => ({
    code: match[2] ?? "",
    meaning: (match[1] ?? "").replace(/\s*\n\s*\*\s*|\{@link (\w+)\}/g, (_, name) => name ?? " ").trim(),
  }));
}

function formatReference(packages: readonly PackageErrors[]): string {
  const sections = packages.map(({ name, codes }) => {
    const items = codes.map(({ code, meaning }) => `- \`${code}\`: ${meaning}`);
    return [`## @ganglion/${name}`, "", ...items].join("\n");
  });
  return `${[
    "# Errors",
    "Every error Ganglion throws is a `GanglionError` with a `code`, `retryable`, `details` and, where there is one,\na `cause`. Recognise an error by its code: messages may change, codes do not, and none is used again for\nsomething else. An rpc adds the errors its contract declares.",
    ...sections,
  ].join("\n\n")}\n`;
}
