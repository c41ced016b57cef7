import { afterAll, beforeAll, expect, it } from "vitest";
import { PlantedProject } from "./planted-project.js";

interface Violation {
  /** The rule that must report it. */
  readonly rule: string;
  /** Where it is planted; every file is planted once. */
  readonly path: string;
  readonly source: string;
}

/** Each is one thing the linter must refuse; next to it stands the allowed way, in {@link ALLOWED}. */
const VIOLATIONS: readonly Violation[] = [
  {
    rule: "lint/correctness/noUndeclaredDependencies",
    path: "packages/broker/src/uses-core.ts",
    source: 'import "@ganglion/core";\n',
  },
  {
    rule: "lint/correctness/noUndeclaredDependencies",
    path: "packages/core/src/uses-broker-type.ts",
    source: 'export type { Broker } from "@ganglion/broker";\n',
  },
  {
    rule: "lint/correctness/noUndeclaredDependencies",
    path: "packages/protocol/src/uses-store-lazily.ts",
    source: 'export const store = () => import("@ganglion/store");\n',
  },
  {
    rule: "lint/correctness/noUndeclaredDependencies",
    path: "packages/core/src/uses-testing.ts",
    source: 'import "@ganglion/testing";\n',
  },
  {
    rule: "lint/style/noRestrictedImports",
    path: "packages/broker/src/deep-import.ts",
    source: 'import "@ganglion/kernel/src/clock.js";\n',
  },
  {
    rule: "lint/style/noRestrictedImports",
    path: "packages/broker/src/relative-deep-import.ts",
    source: 'import "../../kernel/src/index.js";\n',
  },
  {
    rule: "lint/style/noRestrictedImports",
    path: "test/integration/deep-import.test.ts",
    source: 'import "../../packages/kernel/src/index.js";\n',
  },
  {
    rule: "lint/style/noRestrictedImports",
    path: "packages/core/src/runtime/uses-nats.ts",
    source: 'import "nats";\n',
  },
  {
    rule: "lint/style/noRestrictedImports",
    path: "packages/core/src/runtime/uses-nats-io.ts",
    source: 'export const load = () => import("@nats-io/kv");\n',
  },
  {
    rule: "lint/suspicious/noImportCycles",
    path: "packages/kernel/src/left.ts",
    source: 'import { right } from "./right.js";\nexport const left = () => right();\n',
  },
  {
    rule: "lint/suspicious/noImportCycles",
    path: "packages/kernel/src/right.ts",
    source: 'import { left } from "./left.js";\nexport const right = (): unknown => left();\n',
  },
  {
    rule: "lint/style/noEnum",
    path: "packages/kernel/src/an-enum.ts",
    source: "export enum Mood {\n  Good = 1,\n}\n",
  },
  {
    rule: "lint/suspicious/noExplicitAny",
    path: "packages/kernel/src/an-any.ts",
    source: "export const anything: any = 1;\n",
  },
  {
    rule: "lint/style/noNonNullAssertion",
    path: "packages/kernel/src/non-null.ts",
    source: "export const size = (text?: string) => text!.length;\n",
  },
  {
    rule: "lint/style/noParameterAssign",
    path: "packages/kernel/src/parameter-assign.ts",
    source: "export function next(n: number): number {\n  n += 1;\n  return n;\n}\n",
  },
  {
    rule: "lint/style/useNodejsImportProtocol",
    path: "packages/kernel/src/node-protocol.ts",
    source: 'import "fs";\n',
  },
  {
    rule: "lint/nursery/noFloatingPromises",
    path: "packages/kernel/src/floating.ts",
    source: 'import { later } from "./later.js";\nexport function run(): void {\n  later();\n}\n',
  },
  {
    rule: "lint/complexity/useMaxParams",
    path: "packages/kernel/src/four-parameters.ts",
    source: "export const sum = (a: number, b: number, c: number, d: number) => a + b + c + d;\n",
  },
  {
    rule: "lint/complexity/noExcessiveLinesPerFunction",
    path: "packages/kernel/src/long-function.ts",
    source: `export function long(): void {\n${"  console;\n".repeat(71)}}\n`,
  },
  {
    rule: "lint/style/noExcessiveLinesPerFile",
    path: "packages/kernel/src/long-file.ts",
    source: "Math.PI;\n".repeat(501),
  },
  {
    rule: "lint/style/noExcessiveLinesPerFile",
    path: "packages/kernel/src/long-file.test.ts",
    source: "Math.PI;\n".repeat(801),
  },
  {
    rule: "lint/style/useFilenamingConvention",
    path: "packages/kernel/src/camelCase.ts",
    source: "export {};\n",
  },
  {
    rule: "lint/suspicious/noConsole",
    path: "packages/kernel/src/prints.ts",
    source: 'console.log("x");\n',
  },
  {
    rule: "lint/suspicious/noFocusedTests",
    path: "packages/kernel/src/focused.test.ts",
    source: 'import { it } from "vitest";\n\nit.only("x", () => {});\n',
  },
  {
    rule: "lint/suspicious/noSkippedTests",
    path: "packages/kernel/src/skipped.test.ts",
    source: 'import { it } from "vitest";\n\nit.skip("x", () => {});\n',
  },
  {
    rule: "plugin",
    path: "packages/kernel/src/bare-error.ts",
    source: 'export function fail(): never {\n  throw new Error("x");\n}\n',
  },
  {
    rule: "plugin",
    path: "packages/kernel/src/bare-type-error.ts",
    source: 'export function fail(): never {\n  throw new TypeError("x", { cause: 1 });\n}\n',
  },
];

const ALLOWED: Readonly<Record<string, string>> = {
  "packages/kernel/src/later.ts": "export async function later(): Promise<void> {}\n",
  "packages/kernel/src/waits.ts":
    'import { later } from "./later.js";\n\nexport async function run(): Promise<void> {\n  await later();\n}\n',
  "packages/broker/src/uses-kernel.ts": 'import "@ganglion/kernel";\nimport "@ganglion/store";\n',
  "packages/core/src/nats/connection.ts": 'import "nats";\n',
  "packages/core/src/request.test.ts":
    'import "nats";\nimport "@nats-io/kv";\nimport "@ganglion/broker";\n\nthrow new Error("allowed");\n',
  "test/conformance/client.test.ts":
    'import "nats";\nimport "@ganglion/core";\n\nthrow new Error("allowed");\n',
};

let project: PlantedProject;
beforeAll(() => {
  project = new PlantedProject();
  for (const [path, source] of Object.entries(ALLOWED)) project.write(path, source);
});
afterAll(() => project[Symbol.dispose]());

it("lint passes code that keeps the rules, and finds each planted violation", () => {
  const clean = project.run("lint");
  expect(clean.output).toContain("No fixes applied");
  expect(clean.ok).toBe(true);

  for (const { path, source } of VIOLATIONS) project.write(path, source);
  const planted = project.run("lint", "--reporter=json", "--max-diagnostics=none");
  expect(planted.ok).toBe(false);
  const found = diagnostics(planted.output);
  for (const { rule, path } of VIOLATIONS) expect(found, `${rule} in ${path}`).toContain(`${rule} ${path}`);
  const allowed = Object.keys(ALLOWED).filter((path) => found.some((line) => line.endsWith(` ${path}`)));
  expect(allowed).toEqual([]);
});

/** @returns lines `<rule> <path>`. */
function diagnostics(output: string): readonly string[] {
  const report = JSON.parse(output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1)) as {
    diagnostics: readonly { category: string; location: { path: string } }[];
  };
  return report.diagnostics.map(({ category, location }) => `${category} ${location.path}`);
}
