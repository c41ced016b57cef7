const SECOND_MS = 1000;
const UNITS = [
  ["y", 365 * 24 * 3600],
  ["d", 24 * 3600],
  ["h", 3600],
  ["m", 60],
] as const;

/**
 * A time span as `1y2d3h4m5s`, whole seconds, from the largest unit that is not zero.
 *
 * Source: nats-server monitor.go `myUptime`.
 */
export function formatUptime(durationMs: number): string {
  let seconds = Math.max(0, Math.floor(durationMs / SECOND_MS));
  let text = "";
  for (const [unit, size] of UNITS) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0 || text !== "") text += `${count}${unit}`;
  }
  return `${text}${seconds}s`;
}

/** A short time span in the way of Go's `Duration.String`: `0s`, `12µs`, `1.5ms`, `2.25s`, `1m3s`. */
export function formatGoDuration(durationMs: number): string {
  const us = Math.round(durationMs * 1000);
  if (us === 0) return "0s";
  if (us < 1000) return `${us}µs`;
  if (us < 1_000_000) return `${us / 1000}ms`;
  const minutes = Math.floor(us / 60_000_000);
  const seconds = (us - minutes * 60_000_000) / 1_000_000;
  if (minutes === 0) return `${seconds}s`;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}s` : `${hours}h${minutes % 60}m${seconds}s`;
}

/** `value`, or undefined where Go's `omitempty` leaves a field out. */
export function unlessEmpty<T>(value: T): T | undefined {
  if (value === "" || value === 0 || value === false) return undefined;
  if (Array.isArray(value) && value.length === 0) return undefined;
  return value;
}

/** The part of a list a page shows. */
export function page<T>(all: readonly T[], offset: number, limit: number): readonly T[] {
  return all.slice(offset, offset + limit);
}
