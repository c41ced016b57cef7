import { decodeConnect } from "@ganglion/protocol";
import { CLOSE_REASON } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import { ERROR_TEXT } from "../connection/error-texts.js";
import { traceOperation } from "./trace.js";

/** Highest protocol level a client may ask for. Source: nats-server client.go `ClientProtoInfo`. */
const MAX_CLIENT_PROTOCOL = 1;

/**
 * Handles CONNECT. A second one drops the subscriptions and authenticates again.
 *
 * Source: nats-server client.go `processConnect`.
 */
export function handleConnect(connection: Connection, json: string): void {
  const { authenticator, accounts, options: settings } = connection.context;
  traceOperation(connection, `CONNECT ${json}`);
  connection.keepalive.connected();
  try {
    connection.options = decodeConnect(json, connection.options);
  } catch (error) {
    settings.logger.error(`${connection.label} - ${(error as Error).message}`);
    connection.close(CLOSE_REASON.protocolViolation);
    return;
  }
  const { options } = connection;
  if (connection.connectReceived) connection.dropSubscriptions();
  else if (options.name || options.lang) connection.label += ` - "${clientName(options)}"`;
  connection.connectReceived = true;
  connection.echo = options.echo;
  connection.headers = options.headers;
  connection.verbose = options.verbose;
  connection.parser.allowHeaders = options.headers;

  const identity = authenticator.authenticate({ options, host: connection.peer.host });
  const account = identity && accounts.get(identity.accountName);
  // Asking for an account by name was a feature once; now it is an error.
  if (account === undefined || options.account !== "" || options.new_account) {
    settings.logger.error(`${connection.label} - authentication error`);
    connection.fail(ERROR_TEXT.authorizationViolation, CLOSE_REASON.authenticationFailure);
    return;
  }
  connection.authenticated();
  connection.enter(account);
  if (options.protocol < 0 || options.protocol > MAX_CLIENT_PROTOCOL) {
    connection.fail(ERROR_TEXT.invalidClientProtocol, CLOSE_REASON.badClientProtocolVersion);
  } else if (options.no_responders && !options.headers) {
    connection.fail(ERROR_TEXT.noRespondersRequiresHeaders, CLOSE_REASON.noRespondersRequiresHeaders);
  } else if (options.verbose) {
    connection.sendOk();
  }
}

function clientName({ version, lang, name }: Connection["options"]): string {
  return [version && `v${version}`, lang, name].filter((part) => part !== "").join(":");
}
