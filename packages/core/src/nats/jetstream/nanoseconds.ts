/** Milliseconds as the wire's nanoseconds. */
export function toNs(ms: number): number {
  return Math.round(ms * 1e6);
}

/** The wire's nanoseconds as milliseconds. */
export function toMs(ns: number): number {
  return ns / 1e6;
}

/** RFC 3339 with up to nine decimals as milliseconds since 1970, with a fraction. */
export function timeMs(text: string): number {
  const fraction = /\.\d{3}(\d{1,6})/.exec(text)?.[1];
  return Date.parse(text) + (fraction === undefined ? 0 : Number(`0.${fraction}`));
}
