/** One check of `npm run verify`. */
export interface Step {
  readonly name: string;
  /** What it checks, for the list of steps. */
  readonly checks: string;
  /** Program and arguments, run in the repository's root; programs of node_modules/.bin are found. */
  readonly command: readonly string[];
  /** Where a vitest run of this step writes its results as JSON. */
  readonly results?: string;
}

function vitest(name: string, ...args: readonly string[]): Pick<Step, "command" | "results"> {
  const results = `.ganglion/verify/${name}.json`;
  return {
    command: [...args, "--reporter=default", "--reporter=json", `--outputFile.json=${results}`],
    results,
  };
}

const VITEST = ["vitest", "run", "--config", "test/vitest.config.ts"];
const COVERED = ["packages/protocol", "packages/store"];

/** In the order they run: the quick ones first. */
export const STEPS: readonly Step[] = [
  {
    name: "format",
    checks: "layout and order of imports",
    command: ["biome", "check", "--linter-enabled=false", "."],
  },
  {
    name: "lint",
    checks: "lint rules, import boundaries, cycles, sizes",
    command: ["biome", "lint", "--error-on-warnings", "."],
  },
  {
    name: "packages",
    checks: "direction of dependencies, manifests, build references",
    command: ["tsx", "test/gates/packages.ts"],
  },
  { name: "build", checks: "packages compile", command: ["npm", "run", "build"] },
  {
    name: "types",
    checks: "everything type-checks, tests and examples too",
    command: ["tsc", "--noEmit", "-p", "tsconfig.json"],
  },
  {
    name: "type-tests",
    checks: "*.test-d.ts: what must and what must not compile",
    ...vitest("type-tests", ...VITEST, "--typecheck.only"),
  },
  {
    name: "tests",
    checks: "npm test",
    ...vitest("tests", "npm", "test", "--", "--typecheck.enabled=false"),
  },
  {
    name: "coverage",
    checks: "95 % of the lines of protocol and store run in their own tests",
    command: [
      ...VITEST,
      ...COVERED,
      "--typecheck.enabled=false",
      "--coverage.enabled",
      "--coverage.reporter=text",
      ...COVERED.map((directory) => `--coverage.include=${directory}/src/**`),
    ],
  },
  {
    name: "snippets",
    checks: "TypeScript in README.md and docs type-checks and runs where it says so",
    command: ["tsx", "test/gates/snippets.ts"],
  },
  {
    name: "examples",
    checks: "every example starts, does its work and stops",
    command: ["tsx", "test/gates/examples.ts"],
  },
  {
    name: "templates",
    checks: "every template builds and passes its tests",
    command: ["tsx", "test/gates/templates.ts"],
  },
];
