import { isSecret } from "./secret.js";

/** Whether `given` is the broker's `token`, stored plain or hashed by bcrypt. No token is never right. */
export async function isToken(given: string, token: string): Promise<boolean> {
  return given !== "" && isSecret(given, token);
}
