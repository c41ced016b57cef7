const NS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const GO_DURATION = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const GO_DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * Reads a duration as Go writes it, such as `1h30m` or `1.5s`.
 *
 * @returns nanoseconds, or undefined when the text is no duration.
 * Source: Go `time.ParseDuration`.
 */
export function parseGoDuration(text: string): number | undefined {
  if (text === "0" || text === "+0" || text === "-0") return 0;
  if (!GO_DURATION.test(text)) return undefined;
  let totalNs = 0;
  for (const [, value, unit] of text.matchAll(GO_DURATION_PART)) {
    totalNs += Number(value) * (NS_PER_UNIT[unit ?? ""] ?? 0);
  }
  return Math.round(text.startsWith("-") ? -totalNs : totalNs);
}

/**
 * Writes a duration as Go does: `1.5s`, `2m0s`, `100ms`.
 *
 * Source: Go `time.Duration.String`.
 */
export function formatGoDuration(durationNs: number): string {
  if (durationNs === 0) return "0s";
  const sign = durationNs < 0 ? "-" : "";
  const absoluteNs = Math.abs(durationNs);
  if (absoluteNs < 1e3) return `${sign}${absoluteNs}ns`;
  if (absoluteNs < 1e6) return `${sign}${decimal(absoluteNs, 1e3)}µs`;
  if (absoluteNs < 1e9) return `${sign}${decimal(absoluteNs, 1e6)}ms`;
  const minutes = Math.floor(absoluteNs / 60e9);
  const seconds = `${decimal(absoluteNs - minutes * 60e9, 1e9)}s`;
  if (minutes === 0) return `${sign}${seconds}`;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60}m${seconds}`;
}

/** `value / unit` without rounding and without trailing zeros. `unit` is a power of ten. */
function decimal(value: number, unit: number): string {
  const whole = Math.floor(value / unit);
  const digits = String(unit).length - 1;
  const fraction = String(value - whole * unit)
    .padStart(digits, "0")
    .replace(/0+$/, "");
  return fraction === "" ? String(whole) : `${whole}.${fraction}`;
}
