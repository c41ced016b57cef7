/** Numbers from 0 up to 1 that depend on a seed only. */
export type Random = () => number;

/** A small generator (mulberry32); good enough to choose what a test does. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A whole number from 0 up to `limit`, without `limit`. */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}
