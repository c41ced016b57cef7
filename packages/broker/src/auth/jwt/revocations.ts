/**
 * Whether what was issued for `key` at a time was revoked then or later, for this key or for all ("*").
 *
 * @param revocations - times in seconds since 1970.
 * Source: nats-server accounts.go `isRevoked`.
 */
export function isRevoked(revocations: ReadonlyMap<string, number>, key: string, issuedAtS: number): boolean {
  return [key, "*"].some((name) => (revocations.get(name) ?? Number.NEGATIVE_INFINITY) >= issuedAtS);
}
