import { BlockList, isIP } from "node:net";

/** Times of day, `hh:mm:ss`; an end before the start is on the next day. */
export interface TimeRange {
  readonly start: string;
  readonly end: string;
}

/** A network. */
export interface Cidr {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

const DAY_S = 86_400;

/** Reads `10.0.0.0/8`. @returns undefined when it is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = "", digits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  const prefix = Number(digits);
  if (version === 0 || prefix > (version === 4 ? 32 : 128)) return undefined;
  return { address, prefix, family: version === 4 ? "ipv4" : "ipv6" };
}

/**
 * Whether a peer's address is in one of the networks; without networks every address is.
 *
 * Source: nats-server jwt.go `validateSrc`.
 */
export function isFromSource(host: string, sources: readonly string[]): boolean {
  if (sources.length === 0) return true;
  // Sockets that listen for both families show IPv4 peers as ::ffff:127.0.0.1.
  const address = host.replace(/^::ffff:(?=\d+\.)/i, "");
  const version = isIP(address);
  if (version === 0) return false;
  const networks = new BlockList();
  for (const source of sources) {
    const cidr = parseCidr(source);
    if (cidr === undefined) return false;
    networks.addSubnet(cidr.address, cidr.prefix, cidr.family);
  }
  return networks.check(address, version === 4 ? "ipv4" : "ipv6");
}

export function isTimeOfDay(text: string): boolean {
  return secondsOf(text) !== undefined;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * Seconds a user may stay from now on; Infinity without ranges, undefined outside of all of them.
 *
 * Source: nats-server jwt.go `validateTimesAt`. Clock changes within a range are not looked at.
 */
export function remainingSeconds(
  times: readonly TimeRange[],
  timeZone: string,
  nowMs: number,
): number | undefined {
  if (times.length === 0) return Number.POSITIVE_INFINITY;
  if (timeZone !== "" && !isTimeZone(timeZone)) return undefined;
  const now = secondOfDay(nowMs, timeZone);
  const remaining = times.flatMap(({ start, end }) => remainingIn(secondsOf(start), secondsOf(end), now));
  return remaining.length === 0 ? undefined : Math.max(...remaining);
}

function remainingIn(start: number | undefined, end: number | undefined, now: number): readonly number[] {
  if (start === undefined || end === undefined) return [];
  if (start < now && now < end) return [end - now];
  if (start <= end) return [];
  if (now < end) return [end - now];
  return start < now ? [end + DAY_S - now] : [];
}

function secondsOf(text: string): number | undefined {
  const [, hours, minutes, seconds] = /^(\d{1,2}):(\d{2}):(\d{2})$/.exec(text) ?? [];
  if (hours === undefined || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59)
    return undefined;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

function secondOfDay(nowMs: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    ...(timeZone === "" ? {} : { timeZone }),
  });
  return (secondsOf(format.format(nowMs)) ?? 0) + (nowMs % 1000) / 1000;
}
