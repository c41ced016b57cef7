/**
 * The partition of a key: FNV-1a of its UTF-8 bytes, modulo the number of partitions. nats-server's subject mapping
 * `{{partition(n,1)}}` gives the same for a token that is the key.
 *
 * Source: nats-server subject_transform.go `getHashPartition`.
 */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % partitions;
}
