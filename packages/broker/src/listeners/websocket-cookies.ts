import type { IncomingMessage } from "node:http";
import type { ConnectOptions } from "@ganglion/protocol";
import type { WebSocketConfig } from "../config/blocks/websocket.js";

/** The fields of CONNECT that cookies stand in for. */
export type CookieCredentials = Partial<Pick<ConnectOptions, "jwt" | "user" | "pass" | "auth_token">>;

/** What the cookies of a request say in place of CONNECT. Source: nats-server websocket.go `wsUpgrade`. */
export function cookieCredentials(request: IncomingMessage, config: WebSocketConfig): CookieCredentials {
  const fields: readonly (readonly [keyof CookieCredentials, string | undefined])[] = [
    ["jwt", config.jwtCookie],
    ["user", config.userCookie],
    ["pass", config.passwordCookie],
    ["auth_token", config.tokenCookie],
  ];
  if (fields.every(([, name]) => name === undefined)) return {};
  const cookies = parseCookies(request.headers.cookie ?? "");
  return Object.fromEntries(
    fields.flatMap(([field, name]) => {
      const value = name === undefined ? undefined : cookies.get(name);
      return value === undefined ? [] : [[field, value]];
    }),
  );
}

/** Source: RFC 6265 section 4.2.1. Of cookies with one name the last counts, as in nats-server. */
function parseCookies(header: string): Map<string, string> {
  const pairs = header.split(";").map((pair) => {
    const [name = "", ...value] = pair.split("=");
    return [
      name.trim(),
      value
        .join("=")
        .trim()
        .replace(/^"(.*)"$/, "$1"),
    ] as const;
  });
  return new Map(pairs);
}
