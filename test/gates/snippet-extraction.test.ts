import { expect, it } from "vitest";
import { extractSnippets } from "./snippet-extraction.js";

const page = (...lines: string[]) => lines.join("\n");

it("extractSnippets keeps the page's line numbers and ignores other languages", () => {
  const [snippet, ...rest] = extractSnippets(
    "README.md",
    page("# Title", "```sh", "npm ci", "```", "```ts", "const a = 1;", "```"),
  );
  expect(rest).toEqual([]);
  expect(snippet).toEqual({
    page: "README.md",
    line: 5,
    file: "line-5.ts",
    source: "\n\n\n\n\nconst a = 1;\n",
    run: false,
    output: undefined,
  });
});

it("extractSnippets joins continued fences at their own lines", () => {
  const [snippet] = extractSnippets(
    "a.md",
    page("```ts", "one();", "```", "text", "```ts continue", "two();", "```"),
  );
  expect(snippet?.source.split("\n")).toEqual(["", "one();", "", "", "", "two();", ""]);
});

it("extractSnippets takes names, run marks and expected output", () => {
  const snippets = extractSnippets(
    "a.md",
    page(
      "```ts file=orders.ts",
      "x",
      "```",
      "```typescript run",
      "y",
      "```",
      "```text output",
      "hello",
      "```",
    ),
  );
  expect(snippets.map(({ file, run, output }) => ({ file, run, output }))).toEqual([
    { file: "orders.ts", run: false, output: undefined },
    { file: "line-4.ts", run: true, output: "hello\n" },
  ]);
});

it("extractSnippets understands indented and longer fences", () => {
  const [snippet] = extractSnippets(
    "a.md",
    page("- item", "  ````ts", "  const t = `", "  ```", "  `;", "  ````"),
  );
  expect(snippet?.source).toBe("\n\nconst t = `\n```\n`;\n");
});
