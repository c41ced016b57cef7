/**
 * Whether a server is at least of a version. Pre-releases count as their release.
 *
 * @param version - as the server reports it, such as `2.10.4` or `2.11.0-dev`.
 * @param least - three numbers.
 */
export function isAtLeast(version: string, least: readonly [number, number, number]): boolean {
  const parts = version
    .replace(/^v/, "")
    .split(/[.\-+]/, 3)
    .map(Number);
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted; // NaN is never more
  }
  return true;
}
