/** How Go writes the time of something that never happened. */
export const ZERO_TIMESTAMP = "0001-01-01T00:00:00Z";

/**
 * Writes a time as RFC 3339 in UTC, with as many decimals as it needs.
 *
 * @param timestampUs - microseconds since 1970-01-01 UTC.
 * @example formatTimestamp(1_500_000) // "1970-01-01T00:00:01.5Z"
 */
export function formatTimestamp(timestampUs: number): string {
  const seconds = Math.floor(timestampUs / 1e6);
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fractionUs = timestampUs - seconds * 1e6;
  if (fractionUs === 0) return `${whole}Z`;
  return `${whole}.${String(fractionUs).padStart(6, "0").replace(/0+$/, "")}Z`;
}

const RFC_3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads an RFC 3339 time. Decimals beyond microseconds are cut.
 *
 * @returns microseconds since 1970-01-01 UTC, or undefined when the text is no such time.
 */
export function parseTimestamp(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, whole, fraction = "", zone] = match;
  const wholeMs = Date.parse(`${whole}${zone}`);
  return Number.isNaN(wholeMs) ? undefined : wholeMs * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}
