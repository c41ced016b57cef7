import { parseGoDuration, parseTimestamp } from "@ganglion/protocol";
import { Cron } from "croner";

/** When a schedule fires next. */
export interface ScheduledTime {
  /** Microseconds since 1970. */
  readonly atUs: number;
  readonly repeats: boolean;
}

/** What a pattern is read with. */
export interface ScheduleOptions {
  /** IANA time zone; only for cron patterns. @default UTC */
  readonly timeZone?: string | undefined;
  /** When the schedule was stored or fired last, in microseconds since 1970. */
  readonly fromUs: number;
  readonly nowUs: number;
}

const US_PER_SECOND = 1_000_000;

const SHORTHANDS: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 0 1 1 *"],
  ["@annually", "0 0 0 1 1 *"],
  ["@monthly", "0 0 0 1 * *"],
  ["@weekly", "0 0 0 * * 0"],
  ["@daily", "0 0 0 * * *"],
  ["@midnight", "0 0 0 * * *"],
  ["@hourly", "0 0 * * * *"],
]);

/**
 * Reads a `Nats-Schedule`: `@at <RFC 3339>`, `@every <duration>`, cron with six fields or a shorthand of it. Times
 * that have passed are not made up for: what repeats fires next after now.
 *
 * @returns undefined for a pattern that is none of these.
 * Source: ADR-51; nats-server scheduler.go `parseMsgSchedule`.
 */
export function nextScheduledTime(pattern: string, options: ScheduleOptions): ScheduledTime | undefined {
  if (pattern.startsWith("@at ")) return options.timeZone === undefined ? at(pattern.slice(4)) : undefined;
  if (pattern.startsWith("@every ")) {
    return options.timeZone === undefined ? every(pattern.slice(7), options) : undefined;
  }
  return cron(SHORTHANDS.get(pattern) ?? pattern, options);
}

function at(time: string): ScheduledTime | undefined {
  const atUs = parseTimestamp(time);
  return atUs === undefined ? undefined : { atUs, repeats: false };
}

function every(interval: string, { fromUs, nowUs }: ScheduleOptions): ScheduledTime | undefined {
  const intervalUs = (parseGoDuration(interval) ?? 0) / 1000;
  if (intervalUs < US_PER_SECOND) return undefined;
  const next = wholeSecond(fromUs) + intervalUs;
  return { atUs: next < nowUs ? wholeSecond(nowUs) + intervalUs : next, repeats: true };
}

function wholeSecond(timeUs: number): number {
  return Math.round(timeUs / US_PER_SECOND) * US_PER_SECOND;
}

function cron(
  pattern: string,
  { timeZone = "UTC", fromUs, nowUs }: ScheduleOptions,
): ScheduledTime | undefined {
  if (pattern.trim().split(/\s+/).length !== 6) return undefined;
  try {
    const times = new Cron(pattern.replaceAll("?", "*"), { timezone: timeZone, paused: true });
    const next = times.nextRun(new Date(Math.max(fromUs, nowUs) / 1000));
    return next === null ? undefined : { atUs: next.getTime() * 1000, repeats: true };
  } catch {
    return undefined;
  }
}

/** Whether `name` is a time zone this process knows. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
