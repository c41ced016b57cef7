import { protocolError } from "./errors.js";

/**
 * What a server tells its clients, with the names of the wire. Absent booleans are false.
 *
 * Source: nats-server server.go `Info`.
 */
export interface ServerInfo {
  readonly server_id: string;
  readonly server_name: string;
  readonly version: string;
  /** Protocol level; see PROTOCOL_LEVEL. */
  readonly proto: number;
  readonly git_commit?: string;
  /** What the server was built with; nats-server gives its Go version. */
  readonly go: string;
  readonly host: string;
  readonly port: number;
  readonly headers: boolean;
  readonly auth_required?: boolean;
  readonly tls_required?: boolean;
  readonly tls_verify?: boolean;
  readonly tls_available?: boolean;
  /** Bytes, headers included. */
  readonly max_payload: number;
  readonly jetstream?: boolean;
  readonly client_id?: number;
  readonly client_ip?: string;
  /** To be signed by the client's nkey. */
  readonly nonce?: string;
  readonly cluster?: string;
  readonly domain?: string;
  readonly connect_urls?: readonly string[];
  readonly ws_connect_urls?: readonly string[];
  /** Lame duck mode: the server is about to stop. */
  readonly ldm?: boolean;
  /** True in the INFO that answers CONNECT. */
  readonly connect_info?: boolean;
  readonly remote_account?: string;
  readonly acc_is_sys?: boolean;
  /** JetStream API level. */
  readonly api_lvl?: number;
}

/** Encodes an INFO operation with its line end. Absent and false optional fields are left out, as nats-server does. */
export function encodeInfo(info: ServerInfo): Buffer {
  return Buffer.from(`INFO ${JSON.stringify(info)} \r\n`);
}

/** Reads the argument of an INFO operation. @throws GanglionError `MALFORMED_INFO`. */
export function decodeInfo(json: string): ServerInfo {
  try {
    const info: unknown = JSON.parse(json);
    if (typeof info === "object" && info !== null && !Array.isArray(info)) return info as ServerInfo;
  } catch (cause) {
    throw protocolError("MALFORMED_INFO", "INFO is not valid JSON", { cause });
  }
  throw protocolError("MALFORMED_INFO", "INFO is not a JSON object");
}
