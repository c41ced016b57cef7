import { type ConnectOptions, decodeConnect } from "@ganglion/protocol";
import { CLOSE_REASON } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import { ERROR_TEXT } from "../connection/error-texts.js";
import { authenticate } from "./authenticate.js";
import { traceOperation } from "./trace.js";

/** Highest protocol level a client may ask for. Source: nats-server client.go `ClientProtoInfo`. */
const MAX_CLIENT_PROTOCOL = 1;

/**
 * Handles CONNECT. A second one drops the subscriptions and authenticates again.
 *
 * Source: nats-server client.go `processConnect`.
 */
export function handleConnect(connection: Connection, json: string): void {
  traceOperation(connection, `CONNECT ${json}`);
  connection.keepalive.connected();
  try {
    connection.options = withCredentials(
      decodeConnect(json, connection.options),
      connection.peer.credentials,
    );
  } catch (error) {
    connection.logError((error as Error).message);
    connection.close(CLOSE_REASON.protocolViolation);
    return;
  }
  const { options, connectReceived: isSecond } = connection;
  if (isSecond) connection.leave();
  connection.connectReceived = true;
  connection.echo = options.echo;
  connection.headers = options.headers;
  connection.verbose = options.verbose;
  connection.parser.allowHeaders = options.headers;
  authenticate(connection, () => welcome(connection, isSecond));
}

/** Fills in what CONNECT leaves empty. Source: nats-server client.go `processConnect`. */
function withCredentials(
  options: ConnectOptions,
  { jwt = "", user = "", pass = "", auth_token = "" }: Partial<ConnectOptions> = {},
): ConnectOptions {
  return {
    ...options,
    jwt: options.jwt || jwt,
    user: options.user || user,
    pass: options.pass || pass,
    auth_token: options.auth_token || auth_token,
  };
}

/**
 * Handles an operation that comes before CONNECT although authentication is required: where connections without
 * credentials are let in, this one is.
 *
 * Source: nats-server parser.go `parse`, at `NoAuthUser`.
 *
 * @returns whether the operation may pass.
 */
export function handleWithoutConnect(connection: Connection): boolean {
  if (!connection.authenticator.hasDefaultUser) return false;
  connection.connectReceived = true;
  authenticate(connection, () => {});
  return connection.admission.accepted !== undefined;
}

function welcome(connection: Connection, isSecond: boolean): void {
  const { options } = connection;
  if (!isSecond) connection.label += labelOf(connection);
  if (options.protocol < 0 || options.protocol > MAX_CLIENT_PROTOCOL) {
    connection.fail(ERROR_TEXT.invalidClientProtocol, CLOSE_REASON.badClientProtocolVersion);
  } else if (options.no_responders && !options.headers) {
    connection.fail(ERROR_TEXT.noRespondersRequiresHeaders, CLOSE_REASON.noRespondersRequiresHeaders);
  } else if (options.verbose) {
    connection.sendOk();
  }
}

/** What the log tells of a client: what it says it is, and as whom it came in. */
function labelOf({ options: { version, lang, name }, account, admission }: Connection): string {
  const client = [version && `v${version}`, lang, name].filter((part) => part !== "").join(":");
  const user = admission.accepted?.userName ?? "";
  return [client, user && `${account.name}/${user}`]
    .filter((part) => part !== "")
    .map((part) => ` - "${part}"`)
    .join("");
}
