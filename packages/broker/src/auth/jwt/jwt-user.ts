import type { UserPermissionLimits } from "./permission-claims.js";
import type { UserClaims } from "./user-claims.js";

/** What a connection that came in with a JWT keeps of it. */
export interface JwtUser {
  /** As the client sent it. */
  readonly token: string;
  readonly claims: UserClaims;
  /** What holds for the user: of the JWT, or of the scope of its signing key. */
  readonly limits: UserPermissionLimits;
  /** Has no permissions of its own, so changes of the account's defaults are its changes, too. */
  readonly usesDefaultPermissions: boolean;
}
