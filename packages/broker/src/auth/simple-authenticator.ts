import { createHash, timingSafeEqual } from "node:crypto";
import { GLOBAL_ACCOUNT } from "../accounts/account.js";
import type { AuthorizationConfig } from "../config/blocks/authorization.js";
import type { Authenticator, Credentials, Identity } from "./authenticator.js";

/** Lets everybody in. */
export const openAuthenticator: Authenticator = {
  required: false,
  authenticate: () => ({ accountName: GLOBAL_ACCOUNT, userName: "" }),
};

/** Lets in who knows the user and password, or the token. */
export class SimpleAuthenticator implements Authenticator {
  readonly required = true;

  constructor(private readonly expected: AuthorizationConfig) {}

  authenticate({ options }: Credentials): Identity | undefined {
    const { user, password, token } = this.expected;
    const known =
      token === undefined
        ? isSame(options.user, user ?? "") && isSame(options.pass, password ?? "")
        : isSame(options.auth_token, token);
    return known ? { accountName: GLOBAL_ACCOUNT, userName: options.user } : undefined;
  }
}

/** Compares secrets in a time that tells nothing about them. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
