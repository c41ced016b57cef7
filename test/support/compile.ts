import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Source files in a folder of their own inside the project, so that its packages can be imported. */
export class CompiledFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async create(files: Readonly<Record<string, string>>): Promise<CompiledFolder> {
    const parent = join(ROOT, "node_modules", ".cache");
    await mkdir(parent, { recursive: true });
    const path = await mkdtemp(join(parent, "ganglion-types-"));
    await writeFile(join(path, "package.json"), '{ "type": "module" }');
    for (const [name, source] of Object.entries(files)) await writeFile(join(path, name), source);
    return new CompiledFolder(path);
  }

  /** Compiles with the project's strictness. @returns what the compiler says, without the folder's path */
  async compile(options: Readonly<Record<string, unknown>> = {}, ...flags: string[]): Promise<string> {
    const config = {
      extends: join(ROOT, "packages/tsconfig.base.json"),
      compilerOptions: {
        composite: false,
        declaration: false,
        declarationMap: false,
        noEmit: true,
        customConditions: ["@ganglion/source"],
        typeRoots: [join(ROOT, "node_modules/@types")],
        ...options,
      },
      include: ["*.ts"],
    };
    await writeFile(join(this.path, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules/.bin/tsc");
    return new Promise((resolve) => {
      const args = ["-p", this.path, "--pretty", "false", ...flags];
      execFile(tsc, args, { cwd: this.path, maxBuffer: 16 * 1024 * 1024 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
