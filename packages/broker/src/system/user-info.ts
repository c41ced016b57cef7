import type { PermissionRules, SubjectRules } from "../auth/permission-rules.js";
import type { Connection } from "../connection/connection.js";
import { connectionFacts } from "../connection/connection-facts.js";

const NS_PER_MS = 1_000_000;

/** `$SYS.REQ.USER.INFO`: what a client is to the broker. Source: nats-server events.go `UserInfo`, client.go `publicPermissions`. */
export function userInfo(connection: Connection) {
  const { account, admission, permissions, context } = connection;
  const { expiresAtMs, jwt } = admission.accepted ?? {};
  const remainingMs = expiresAtMs === undefined ? 0 : expiresAtMs - context.options.clock.nowMs();
  return {
    user: connectionFacts(connection).userName,
    account: account.name,
    ...(account.nameTag && { account_name: account.nameTag }),
    ...(jwt?.claims.name && { user_name: jwt.claims.name }),
    ...(permissions && { permissions: publicRules(permissions.rules) }),
    ...(remainingMs > 0 && { expires: Math.round(remainingMs * NS_PER_MS) }),
  };
}

function publicRules({ publish, subscribe, responses }: PermissionRules) {
  return {
    ...(publish && { publish: listsOf(publish) }),
    ...(subscribe && { subscribe: listsOf(subscribe) }),
    ...(responses && {
      responses: {
        max: responses.max,
        ttl: Number.isFinite(responses.expiresMs) ? responses.expiresMs * NS_PER_MS : -1,
      },
    }),
  };
}

function listsOf({ allow = [], deny = [] }: SubjectRules) {
  return { ...(allow.length > 0 && { allow }), ...(deny.length > 0 && { deny }) };
}
