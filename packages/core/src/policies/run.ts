import type { NextLimits, Operation } from "./policy.js";

/** Something that runs around an operation. */
type Around<O extends Operation> = (
  operation: O,
  next: (limits?: NextLimits) => Promise<unknown>,
) => Promise<unknown>;

/**
 * Runs what is around an operation, the first outermost, and the operation itself in the middle.
 *
 * @param work - gets the tightest limits that were set on the way.
 */
export function runAround<O extends Operation>(
  chain: readonly Around<O>[],
  operation: O,
  work: (limits: NextLimits) => unknown,
): Promise<unknown> {
  const step = async (index: number, limits: NextLimits): Promise<unknown> => {
    const around = chain[index];
    if (around === undefined) return work(limits);
    return around(operation, (own) => step(index + 1, tightest(limits, own)));
  };
  return step(0, {});
}

function tightest(limits: NextLimits, own: NextLimits | undefined): NextLimits {
  if (own?.timeoutMs === undefined) return limits;
  return { timeoutMs: Math.min(own.timeoutMs, limits.timeoutMs ?? Number.POSITIVE_INFINITY) };
}
