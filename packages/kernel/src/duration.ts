import { GanglionError } from "./errors.js";

type DurationUnit = "ms" | "s" | "m" | "h" | "d";

/**
 * A length of time: a number of milliseconds, or a number with a unit such as `"250ms"`, `"2s"`,
 * `"1.5m"`, `"12h"`, `"7d"`.
 */
export type Duration = number | `${number}${DurationUnit}`;

const MS_PER_UNIT: Readonly<Record<DurationUnit, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const DURATION_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * Converts a {@link Duration} into milliseconds.
 *
 * @param name - what the duration is for; it appears in the error.
 * @returns milliseconds, finite and not negative.
 * @throws GanglionError `INVALID_DURATION` for anything else.
 * @example durationMs("1.5s") // 1500
 */
export function durationMs(duration: Duration, name = "duration"): number {
  if (typeof duration === "number") {
    if (Number.isFinite(duration) && duration >= 0) return duration;
  } else {
    const match = DURATION_PATTERN.exec(duration);
    if (match !== null) return Number(match[1]) * MS_PER_UNIT[match[2] as DurationUnit];
  }
  throw new GanglionError(
    "INVALID_DURATION",
    `Invalid ${name} ${JSON.stringify(duration)}: use milliseconds (250) or a number with a unit ms, s, m, h or d ("2s")`,
    { details: { name, duration } },
  );
}
