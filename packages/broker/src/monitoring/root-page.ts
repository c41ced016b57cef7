import { ENDPOINTS } from "./endpoints.js";

/** The page at the root: links to the endpoints. */
export function rootPage(basePath: string, title: string): string {
  const links = Object.keys(ENDPOINTS)
    .filter((path) => path !== "/subscriptionsz")
    .map((path) => `<li><a href="${escapeHtml(basePath + path)}">${path.slice(1)}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head><title>${escapeHtml(title)}</title></head>
<body>
<h1>${escapeHtml(title)}</h1>
<ul>
${links.join("\n")}
</ul>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
