import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

it("docs/ARCHITECTURE.md names files that exist", () => {
  const page = readFileSync(`${ROOT}docs/ARCHITECTURE.md`, "utf8");
  const named = [...page.matchAll(/`((?:packages|test|examples)\/[\w./-]+)`/g)].map(
    (match) => match[1] ?? "",
  );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((file) => !existsSync(ROOT + file))).toEqual([]);
});
