/** Seed of a random test: `GANGLION_SEED` if set, to repeat a run, otherwise a new one. It is printed. */
export function testSeed(what: string): number {
  const seed = Number(process.env.GANGLION_SEED ?? Date.now() % 1_000_000_000);
  console.log(`${what}: GANGLION_SEED=${seed}`);
  return seed;
}
