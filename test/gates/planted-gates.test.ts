import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPackages } from "./packages.js";
import { PlantedProject } from "./planted-project.js";

/** In this form a failure shows the output. */
const PASSES = { ok: true, output: expect.any(String) };

let project: PlantedProject;
beforeAll(() => {
  project = new PlantedProject();
});
afterAll(() => project[Symbol.dispose]());

/** Runs the gate with a file planted and takes the file away again. */
function runWith(step: string, path: string, content: string | object) {
  project.write(path, content);
  try {
    return project.run(step);
  } finally {
    project.remove(path);
  }
}

/** A manifest of the project with some fields replaced. */
function manifest(name: string, change: object): object {
  const text = readFileSync(join(project.root, "packages", name, "package.json"), "utf8");
  return { ...JSON.parse(text), ...change };
}

describe("format", () => {
  it("passes formatted code, and refuses other layout and unsorted imports", () => {
    expect(project.run("format")).toEqual(PASSES);
    const layout = runWith("format", "packages/kernel/src/layout.ts", "export const  a = 'b'\n");
    expect(layout).toMatchObject({
      ok: false,
      output: expect.stringContaining("packages/kernel/src/layout.ts format"),
    });
    const imports = runWith(
      "format",
      "packages/core/src/imports.ts",
      'import "zod";\nimport b from "b";\nimport a from "a";\n',
    );
    expect(imports).toMatchObject({ ok: false, output: expect.stringContaining("organizeImports") });
  });
});

describe("packages", () => {
  /** Checks the project with a changed manifest of broker. */
  function faultsWith(change: object): readonly string[] {
    const original = manifest("broker", {});
    project.write("packages/broker/package.json", manifest("broker", change));
    try {
      return checkPackages(project.root);
    } finally {
      project.write("packages/broker/package.json", original);
    }
  }

  it("passes manifests in order and fails with one that is not", () => {
    expect(project.run("packages")).toEqual({ ok: true, output: "0 faults in the order of packages\n" });
    const result = runWith("packages", "packages/kernel/src/deep/utils.ts", "export {};\n");
    expect(result.ok).toBe(false);
    expect(result.output).toContain("packages/kernel/src/deep/utils.ts: name the file after what it holds");
  });

  it("refuses a dependency against the direction in every field", () => {
    const core = { "@ganglion/core": "0.1.0" };
    for (const field of ["dependencies", "optionalDependencies", "peerDependencies"]) {
      expect(faultsWith({ [field]: core })).toContain("packages/broker: it may not depend on @ganglion/core");
    }
  });

  it("refuses a NATS client outside core, and a version that is not exact", () => {
    const faults = faultsWith({ dependencies: { nats: "^2.29.3" } });
    expect(faults).toContain("packages/broker: only core depends on nats");
    expect(faults).toContain("packages/broker: nats ^2.29.3 is not an exact version");
  });

  it("refuses build references that differ from the dependencies", () => {
    expect(faultsWith({ dependencies: { "@ganglion/kernel": "0.1.0" } })).toEqual([
      expect.stringMatching(/packages\/broker: .* package.json depends on \[@ganglion\/kernel\]/),
    ]);
  });

  it("refuses a bin that npm could not link", () => {
    expect(faultsWith({ bin: { broker: "bin/missing.mjs" } })).toEqual([
      "packages/broker: bin bin/missing.mjs does not exist: npm links it at install, before the build",
    ]);
    project.write("packages/broker/bin/plain.mjs", "");
    expect(faultsWith({ bin: { broker: "bin/plain.mjs" } })).toEqual([
      "packages/broker: bin bin/plain.mjs is not executable",
    ]);
  });

  it("refuses a package outside the table, and one that is not built", () => {
    project.write("packages/extra/package.json", { name: "@ganglion/extra", version: "0.1.0" });
    project.write("packages/extra/tsconfig.json", {});
    const faults = checkPackages(project.root);
    project.remove("packages/extra");
    expect(faults).toEqual([
      "packages/extra: it is not in the table of test/gates/packages.ts",
      "packages/tsconfig.json: extra is missing",
    ]);
  });

  it("refuses a lock file with addresses, without an optional dependency, and none", () => {
    const original = readFileSync(join(project.root, "package-lock.json"), "utf8");
    const faultsOf = (packages: object) => {
      project.write("package-lock.json", { packages });
      return checkPackages(project.root);
    };
    expect(faultsOf({ "node_modules/a": { resolved: "https://packages.example/a.tgz" } })).toEqual([
      "package-lock.json: node_modules/a names an address: run npm with omit-lockfile-registry-resolved",
    ]);
    const a = { optionalDependencies: { "a-linux": "1.0.0", "a-darwin": "1.0.0" } };
    expect(faultsOf({ "node_modules/a": a, "node_modules/a-linux": {} })).toEqual([
      "package-lock.json: a-darwin, optional for node_modules/a, has no entry: write one with version, os and cpu",
    ]);
    project.remove("package-lock.json");
    expect(checkPackages(project.root)).toEqual(["package-lock.json does not exist"]);
    project.write("package-lock.json", original);
  });
});

describe("build and types", () => {
  it("build compiles the packages and refuses a type error in one", () => {
    expect(project.run("build")).toEqual(PASSES);
    const result = runWith("build", "packages/kernel/src/wrong.ts", 'export const count: number = "1";\n');
    expect(result).toMatchObject({ ok: false, output: expect.stringContaining("wrong.ts") });
    expect(result.output).toContain("TS2322");
  });

  it("types covers tests and everything under test/, with the strict options", () => {
    expect(project.run("types")).toEqual(PASSES);
    const inPackage = runWith("types", "packages/kernel/src/wrong.test.ts", "[1][0].toFixed();\n");
    expect(inPackage.output).toContain("packages/kernel/src/wrong.test.ts(1,1): error TS2532");
    expect(inPackage.ok).toBe(false);
    const inTest = runWith("types", "test/e2e/wrong.test.ts", "const o: { a?: 1 } = { a: undefined };\no;\n");
    expect(inTest.output).toContain("test/e2e/wrong.test.ts(1,7): error TS2375");
    expect(inTest.ok).toBe(false);
  });
});

describe("type-tests, tests and coverage", () => {
  const typeTest = (type: string) =>
    `import { expectTypeOf, it } from "vitest";\nit("x", () => expectTypeOf<"a">().toEqualTypeOf<${type}>());\n`;

  it("type-tests fails on a wrong expectation, an unused expected error, and when there is no test", () => {
    expect(project.run("type-tests")).toMatchObject({
      ok: false,
      output: expect.stringContaining("No test files"),
    });
    const path = "packages/kernel/src/letter.test-d.ts";
    expect(runWith("type-tests", path, typeTest('"a"'))).toEqual(PASSES);
    const wrong = runWith("type-tests", path, typeTest('"b"'));
    expect(wrong).toMatchObject({ ok: false, output: expect.stringContaining("TypeCheckError") });
    const compiles =
      'import { it } from "vitest";\nit("x", () => {\n  // @ts-expect-error\n  "a".length;\n});\n';
    const unused = runWith("type-tests", path, compiles);
    expect(unused).toMatchObject({ ok: false, output: expect.stringContaining("Unused '@ts-expect-error'") });
  });

  it("tests fails with a test that fails", () => {
    const test = (value: number) =>
      `import { expect, it } from "vitest";\nit("adds", () => expect(1 + 1).toBe(${value}));\n`;
    expect(runWith("tests", "packages/kernel/src/adds.test.ts", test(2))).toEqual(PASSES);
    const failing = runWith("tests", "test/e2e/adds.test.ts", test(3));
    expect(failing).toMatchObject({ ok: false, output: expect.stringContaining("expected 2 to be 3") });
  });

  it("coverage fails under 95 % of protocol's or of store's lines", () => {
    const source = "export function sign(n: number) {\n  if (n < 0) {\n    return -1;\n  }\n  return 1;\n}\n";
    const test = (calls: string) =>
      `import { expect, it } from "vitest";\nimport { sign } from "./sign.js";\nit("x", () => expect(${calls}).toBeTruthy());\n`;
    for (const [name, other] of [
      ["protocol", "store"],
      ["store", "protocol"],
    ]) {
      project.write(`packages/${name}/src/sign.ts`, source);
      const path = `packages/${name}/src/sign.test.ts`;
      expect(runWith("coverage", path, test("sign(1) - sign(-1)"))).toEqual(PASSES);
      const partly = runWith("coverage", path, test("sign(1)"));
      expect(partly.ok).toBe(false);
      expect(partly.output).toContain(`does not meet "packages/${name}/src/**" threshold (95%)`);
      expect(partly.output).not.toContain(`"packages/${other}/src/**"`);
      project.remove(`packages/${name}/src/sign.ts`);
    }
  });
});

describe("snippets", () => {
  const page = (marks: string, code: string, output = "") =>
    `# Page\n\n\`\`\`ts ${marks}\n${code}\n\`\`\`\n${output === "" ? "" : `\n\`\`\`text output\n${output}\n\`\`\`\n`}`;

  it("passes pages whose code compiles and prints what they show", () => {
    const code = 'import { ok } from "@ganglion/kernel";\nconsole.log(await Promise.resolve(ok));';
    project.write("packages/kernel/src/index.ts", 'export const ok = "fine";\n');
    const result = runWith("snippets", "docs/how-to/page.md", page("run", code, "fine"));
    expect(result.output).toBe("1 snippets type-checked, 1 of them run\n");
    expect(result.ok).toBe(true);
  });

  it("refuses code that does not compile, at its line of the page", () => {
    const result = runWith("snippets", "docs/page.md", page("", 'const n: number = "1";'));
    expect(result.output).toContain("docs/page.md:4:7: error TS2322");
    expect(result.ok).toBe(false);
    const readme = runWith("snippets", "README.md", page("", 'import "@ganglion/nothing";'));
    expect(readme.output).toContain("README.md:4:8: error TS2882");
    expect(readme.ok).toBe(false);
  });

  it("refuses code that fails when run, and output that differs from the page", () => {
    const failing = runWith("snippets", "docs/page.md", page("run", 'throw new Error("broken");'));
    expect(failing.output).toContain("docs/page.md:3 does not run: exit code 1");
    expect(failing.ok).toBe(false);
    const other = runWith("snippets", "docs/page.md", page("run", "console.log(1);", "2"));
    expect(other.output).toContain("docs/page.md:3 prints\n1\ninstead of\n2\n");
    expect(other.ok).toBe(false);
  });
});

describe("examples and templates", () => {
  it("examples fails when one does not start or cannot tell", () => {
    const example = (scripts: object) => ({ name: "x", private: true, scripts });
    expect(runWith("examples", "examples/x/package.json", example({ smoke: "true" }))).toEqual(PASSES);
    const failing = runWith(
      "examples",
      "examples/x/package.json",
      example({ smoke: "echo broken && false" }),
    );
    expect(failing).toMatchObject({ ok: false, output: expect.stringContaining("broken") });
    const silent = runWith("examples", "examples/x/package.json", example({}));
    expect(silent).toMatchObject({ ok: false, output: expect.stringContaining("it has no script smoke") });
    project.remove("examples/x");
  });

  it("templates fails when one does not build or test outside the repository", () => {
    const template = (test: string) => ({
      name: "x",
      private: true,
      scripts: { build: "test ! -e ../packages", test },
    });
    expect(runWith("templates", "templates/x/package.json", template("true"))).toEqual(PASSES);
    const failing = runWith("templates", "templates/x/package.json", template("echo broken && false"));
    expect(failing).toMatchObject({ ok: false, output: expect.stringContaining("broken") });
    project.remove("templates");
  });
});
