/**
 * Why a connection was closed, in the words of /connz.
 *
 * Source: nats-server monitor.go `ClosedState.String`.
 */
export const CLOSE_REASON = {
  clientClosed: "Client Closed",
  authenticationTimeout: "Authentication Timeout",
  authenticationFailure: "Authentication Failure",
  authenticationExpired: "Authentication Expired",
  kicked: "Kicked",
  revoked: "Credentials Revoked",
  maxSubscriptionsExceeded: "Maximum Subscriptions Exceeded",
  maxAccountConnectionsExceeded: "Maximum Account Connections Exceeded",
  slowConsumerPendingBytes: "Slow Consumer (Pending Bytes)",
  slowConsumerWriteDeadline: "Slow Consumer (Write Deadline)",
  writeError: "Write Error",
  readError: "Read Error",
  parseError: "Parse Error",
  staleConnection: "Stale Connection",
  protocolViolation: "Protocol Violation",
  badClientProtocolVersion: "Bad Client Protocol Version",
  maxConnectionsExceeded: "Maximum Connections Exceeded",
  maxPayloadExceeded: "Maximum Message Payload Exceeded",
  maxControlLineExceeded: "Maximum Control Line Exceeded",
  serverShutdown: "Server Shutdown",
  tlsHandshakeFailure: "TLS Handshake Failure",
  noRespondersRequiresHeaders: "No Responders Requires Headers",
} as const;

/** One of the words of {@link CLOSE_REASON}. */
export type CloseReason = (typeof CLOSE_REASON)[keyof typeof CLOSE_REASON];

/** Why a connection ends whose transport has failed. WebSocket tells by a code what the client did wrong. */
export function reasonOfError({ code = "" }: NodeJS.ErrnoException): CloseReason {
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return CLOSE_REASON.maxPayloadExceeded;
  return code.startsWith("WS_ERR_") ? CLOSE_REASON.protocolViolation : CLOSE_REASON.readError;
}
