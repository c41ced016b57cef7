import { createHash, timingSafeEqual } from "node:crypto";
import { Turnstile } from "./turnstile.js";

/** Source: nats-server auth.go `validBcryptPrefix`. */
const BCRYPT_HASH = /^\$2[abxy]\$\d{2}\$/;

/**
 * Hashes that are computed at a time. They run on the threads that also sync the store, and there are four of those.
 */
const bcryptTurnstile = new Turnstile(2);

/** Whether a stored password or token is a bcrypt hash and not the secret itself. */
export function isBcryptHash(stored: string): boolean {
  return BCRYPT_HASH.test(stored);
}

/**
 * Whether `given` is the secret that is stored plain or as a bcrypt hash. Takes the same time for any wrong secret
 * of a kind. A hash is computed on another thread.
 */
export async function isSecret(given: string, stored: string): Promise<boolean> {
  if (isBcryptHash(stored)) return bcryptTurnstile.run(() => isHashed(given, stored));
  return timingSafeEqual(digest(given), digest(stored));
}

async function isHashed(given: string, stored: string): Promise<boolean> {
  // Loaded when the first hash is met: native code would slow down the start of every broker.
  const { verify } = await import("@node-rs/bcrypt");
  return verify(given, stored);
}

/** Makes secrets equally long, so that comparing them tells nothing of their length. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
