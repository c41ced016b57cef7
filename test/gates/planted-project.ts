import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { STEPS } from "./steps.js";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** What decides the outcome of a gate; the code it judges is planted by the test. */
const CONFIGURATION = [
  ".biome.json",
  ".gitignore",
  "package.json",
  "tsconfig.json",
  "packages/tsconfig.base.json",
  "test/vitest.config.ts",
];

const PACKAGES = ["kernel", "protocol", "store", "broker", "core"];

/** A small repository under the rules of this one, to plant violations in. */
export class PlantedProject implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "ganglion-planted-"));

  constructor() {
    for (const path of CONFIGURATION) cpSync(join(REPOSITORY, path), join(this.root, path));
    for (const file of readdirSync(join(REPOSITORY, "test/gates"))) {
      if (!file.endsWith(".test.ts"))
        cpSync(join(REPOSITORY, "test/gates", file), join(this.root, "test/gates", file));
    }
    for (const name of PACKAGES) this.addPackage(name);
    // There is no command here to bundle; the step calls it all the same.
    this.write("packages/broker/bundle.mjs", "export {};\n");
    this.write("packages/tsconfig.json", {
      files: [],
      references: PACKAGES.map((name) => ({ path: `./${name}` })),
    });
    this.write("examples/tsconfig.json", { files: [], references: [{ path: "../packages/kernel" }] });
    this.write("package-lock.json", { packages: {} });
    this.linkModules();
  }

  /** Writes a file, an object as JSON, and creates its directory. */
  write(path: string, content: string | object): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`;
    writeFileSync(join(this.root, path), text);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  /** Runs the command of a step of `npm run verify` here. */
  run(name: string, ...args: readonly string[]): { readonly ok: boolean; readonly output: string } {
    const [program = "", ...own] = STEPS.find((step) => step.name === name)?.command ?? [];
    const path = [join(this.root, "node_modules/.bin"), process.env.PATH].join(delimiter);
    const result = spawnSync(program, [...own, ...args], {
      cwd: this.root,
      encoding: "utf8",
      env: { ...process.env, PATH: path, NO_COLOR: "1" },
      timeout: 60_000,
    });
    return { ok: result.status === 0, output: `${result.stdout}${result.stderr}` };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private addPackage(name: string): void {
    for (const file of ["package.json", "tsconfig.json"]) {
      cpSync(join(REPOSITORY, "packages", name, file), join(this.root, "packages", name, file));
    }
    const commands = join(REPOSITORY, "packages", name, "bin");
    if (existsSync(commands)) cpSync(commands, join(this.root, "packages", name, "bin"), { recursive: true });
    this.write(`packages/${name}/src/index.ts`, "export {};\n");
  }

  /** Foreign packages are the repository's; ours lead into this project. */
  private linkModules(): void {
    mkdirSync(join(this.root, "node_modules/@ganglion"), { recursive: true });
    for (const entry of readdirSync(join(REPOSITORY, "node_modules"))) {
      if (entry === "@ganglion") continue;
      symlinkSync(join(REPOSITORY, "node_modules", entry), join(this.root, "node_modules", entry));
    }
    for (const name of PACKAGES) {
      symlinkSync(join(this.root, "packages", name), join(this.root, "node_modules/@ganglion", name));
    }
  }
}
