import { block, field, list, type OptionsOf, type Reader, refine } from "../reader.js";
import {
  count,
  durationOrSeconds,
  flag,
  listenAddress,
  port,
  spaceless,
  spreadListen,
  text,
} from "../scalars.js";
import { peerAuthorization } from "./authorization.js";
import { urls, writeTimeout } from "./peering.js";
import { peerTls } from "./tls.js";

const remoteFields = {
  name: field("name", text),
  tls: field("tls", peerTls),
  urls: field("urls url", urls),
};

const fields = {
  name: field("name", spaceless),
  listen: field("listen", listenAddress),
  host: field("host net", text),
  port: field("port", port),
  authorization: field("authorization", peerAuthorization),
  tls: field("tls", peerTls),
  advertise: field("advertise", text),
  connectRetries: field("connect_retries", count),
  connectBackoff: field("connect_backoff", flag),
  gateways: field("gateways", list(block(remoteFields))),
  rejectUnknownCluster: field("reject_unknown_cluster reject_unknown", flag),
  writeDeadlineMs: field("write_deadline", durationOrSeconds),
  writeTimeout: field("write_timeout", writeTimeout),
};

/** The `gateway` block. */
export type GatewayConfig = Omit<OptionsOf<typeof fields>, "listen">;

/** Source: nats-server opts.go `parseGateway`. */
export const gateway: Reader<GatewayConfig> = refine(block(fields), spreadListen);
