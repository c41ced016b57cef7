/** What is known of the owners of partitions. */
export interface OwnershipView {
  /** This process. */
  readonly self: string;
  /** Everybody who works, this process included. */
  readonly members: readonly string[];
  /** Owner of each partition, by number; undefined: nobody who lives. */
  readonly owners: readonly (string | undefined)[];
}

/** What this process should do so that everybody has an equal share. */
export interface ShareChange {
  /** Partitions to take: nobody has them. */
  readonly take: readonly number[];
  /** Partitions to give up, so that others can take them. */
  readonly release: readonly number[];
}

/** Decides by how many partitions this process is off its share. Pure. */
export function shareChange({ self, members, owners }: OwnershipView): ShareChange {
  const own = owners.flatMap((owner, partition) => (owner === self ? [partition] : []));
  const free = owners.flatMap((owner, partition) => (owner === undefined ? [partition] : []));
  const share = shareOf(self, members, owners.length);
  if (own.length < share) return { take: free.slice(0, share - own.length), release: [] };
  return { take: [], release: own.slice(share) };
}

/** Shares differ by one at most; the first by name get the larger ones. */
function shareOf(self: string, members: readonly string[], partitions: number): number {
  const sorted = [...members].sort();
  const place = Math.max(0, sorted.indexOf(self));
  const base = Math.floor(partitions / sorted.length);
  return base + (place < partitions % sorted.length ? 1 : 0);
}
