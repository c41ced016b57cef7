/**
 * A TypeScript module taken from a Markdown page. Fences are marked like this:
 *
 * - `ts`: a module of its own, type-checked;
 * - `ts file=orders.ts`: the same, and the other modules of the page can import `./orders.js`;
 * - `ts continue`: goes on with the module of the fence before;
 * - `ts run`: also run to its end, which must be exit code 0; a following `text output` fence is what it
 *   must print.
 */
export interface Snippet {
  /** Path of the page from the repository's root. */
  readonly page: string;
  /** 1-based line of the opening fence. */
  readonly line: number;
  /** File name, unique within the page. */
  readonly file: string;
  /** Every line of it stands at the line number it has in the page. */
  readonly source: string;
  readonly run: boolean;
  /** What a run must print; undefined when the page does not show it. */
  readonly output: string | undefined;
}

interface Fence {
  readonly line: number;
  readonly language: string;
  readonly marks: readonly string[];
  readonly body: readonly string[];
}

const OPENING = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)\s*(.*)$/;
const LANGUAGES: readonly string[] = ["ts", "typescript"];

/** Finds the modules in a page. Fences in other languages are left alone. */
export function extractSnippets(page: string, markdown: string): readonly Snippet[] {
  const snippets: Snippet[] = [];
  for (const fence of fences(markdown)) {
    const last = snippets.at(-1);
    if (last !== undefined && fence.language === "text" && fence.marks.includes("output")) {
      snippets[snippets.length - 1] = { ...last, output: `${fence.body.join("\n")}\n` };
    } else if (LANGUAGES.includes(fence.language)) {
      if (last !== undefined && fence.marks.includes("continue")) {
        snippets[snippets.length - 1] = { ...last, source: placed(fence, last.source) };
      } else {
        snippets.push(snippet(page, fence));
      }
    }
  }
  return snippets;
}

function snippet(page: string, fence: Fence): Snippet {
  const named = fence.marks.find((mark) => mark.startsWith("file="))?.slice("file=".length);
  return {
    page,
    line: fence.line,
    file: named ?? `line-${fence.line}.ts`,
    source: placed(fence, ""),
    run: fence.marks.includes("run"),
    output: undefined,
  };
}

/** Appends the fence's code to `source` so that it stands at the page's line numbers. */
function placed(fence: Fence, source: string): string {
  const lines = source === "" ? 0 : source.split("\n").length - 1;
  return `${source}${"\n".repeat(fence.line - lines)}${fence.body.join("\n")}\n`;
}

function fences(markdown: string): readonly Fence[] {
  const found: Fence[] = [];
  const lines = markdown.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const [, indent = "", ticks = "", language = "", marks = ""] = OPENING.exec(lines[index] ?? "") ?? [];
    if (ticks === "") continue;
    const end = lines.findIndex((line, at) => at > index && line.trim() === ticks);
    const body = lines.slice(index + 1, end === -1 ? undefined : end);
    found.push({
      line: index + 1,
      language,
      marks: marks.split(/\s+/),
      body: body.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart())),
    });
    if (end === -1) break;
    index = end;
  }
  return found;
}
