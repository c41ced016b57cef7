import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

/** Links of a page to files of the repository, without those inside code. */
function linksOf(page: string): readonly string[] {
  const text = readFileSync(join(ROOT, page), "utf8").replaceAll(/^```[\s\S]*?^```/gm, "");
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1] ?? "")
    .filter((target) => !/^[a-z]+:/.test(target));
}

it("links of the pages lead to files that exist", () => {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true }).map((file) => join("docs", String(file)));
  const pages = ["README.md", "CONTRIBUTING.md", ...docs.filter((file) => file.endsWith(".md"))];
  const links = pages.flatMap((page) => linksOf(page).map((target) => [page, target] as const));
  expect(links.length).toBeGreaterThan(60);
  const broken = links.filter(([page, target]) => !existsSync(join(ROOT, dirname(page), target)));
  expect(broken).toEqual([]);
});
