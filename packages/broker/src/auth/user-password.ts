import { isSecret } from "./secret.js";
import type { PasswordUser } from "./user.js";

/**
 * Whether `given` is the password of `user`. A user without one has the empty password.
 *
 * Source: nats-server auth.go `comparePasswords`.
 */
export function isPasswordOf(user: Pick<PasswordUser, "password">, given: string): Promise<boolean> {
  return isSecret(given, user.password ?? "");
}
