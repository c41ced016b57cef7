import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempDirectory } from "./temp-directory.js";

it("tempDirectory is empty, its own, and removed with its content", async () => {
  const directory = await tempDirectory("ganglion-unit-");
  await using other = await tempDirectory("ganglion-unit-");
  expect(other.path).not.toBe(directory.path);
  await writeFile(join(directory.path, "file"), "x");
  await directory.remove();
  await directory.remove();
  expect(existsSync(directory.path)).toBe(false);
  expect(existsSync(other.path)).toBe(true);
});
