import { block, dictionary, field, type OptionsOf, oneOrMore, type Reader, refine } from "../reader.js";
import { durationOrSeconds, flag, listenAddress, port, seconds, spreadListen, text } from "../scalars.js";
import { simpleAuthorization } from "./authorization.js";
import { tls } from "./tls.js";

const fields = {
  listen: field("listen", listenAddress),
  host: field("host net", text),
  port: field("port", port, "0: no WebSocket listener."),
  advertise: field("advertise", text, "host:port to tell clients."),
  noTls: field("no_tls", flag, "Allow plain ws:// connections."),
  tls: field("tls", tls),
  sameOrigin: field("same_origin", flag),
  allowedOrigins: field(
    "allowed_origins allowed_origin allow_origins allow_origin origins origin",
    oneOrMore(text),
  ),
  handshakeTimeoutMs: field("handshake_timeout", seconds),
  compression: field("compression compress", flag),
  authorization: field("authorization authentication", simpleAuthorization),
  jwtCookie: field("jwt_cookie", text, "Names of cookies that stand for the fields of CONNECT."),
  userCookie: field("user_cookie", text),
  passwordCookie: field("pass_cookie", text),
  tokenCookie: field("token_cookie", text),
  noAuthUser: field("no_auth_user", text),
  headers: field("headers", dictionary(text), "Further headers of the upgrade response."),
  pingIntervalMs: field("ping_interval", durationOrSeconds),
};

/** The `websocket` block. */
export type WebSocketConfig = Omit<OptionsOf<typeof fields>, "listen">;

/** Source: nats-server opts.go `parseWebsocket`. */
export const websocket: Reader<WebSocketConfig> = refine(block(fields), spreadListen);
