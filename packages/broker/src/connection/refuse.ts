import type { ProtocolFault, ProtocolFaultKind } from "@ganglion/protocol";
import { CLOSE_REASON, type CloseReason } from "./close-reason.js";
import type { Connection } from "./connection.js";
import { ERROR_TEXT, type ErrorText } from "./error-texts.js";

/**
 * What a client that broke the protocol is told, and as what its connection is closed. Not every fault is answered.
 *
 * Source: nats-server parser.go (`parseErr`, `authErr`) and client.go `readLoop`.
 */
const CONSEQUENCE: Readonly<Record<ProtocolFaultKind, readonly [ErrorText | undefined, CloseReason]>> = {
  "connect-required": [ERROR_TEXT.authorizationViolation, CLOSE_REASON.authenticationFailure],
  "payload-too-large": [ERROR_TEXT.maxPayloadViolation, CLOSE_REASON.maxPayloadExceeded],
  "control-line-too-long": [ERROR_TEXT.maxControlLineExceeded, CLOSE_REASON.maxControlLineExceeded],
  "unknown-operation": [ERROR_TEXT.unknownOperation, CLOSE_REASON.protocolViolation],
  "bad-arguments": [undefined, CLOSE_REASON.protocolViolation],
  "headers-not-supported": [undefined, CLOSE_REASON.protocolViolation],
};

/** Closes a connection that broke the protocol. */
export function refuse(connection: Connection, fault: ProtocolFault): void {
  connection.context.options.logger.error(`${connection.label} - ${fault.detail}`);
  const [text, reason] = CONSEQUENCE[fault.kind];
  if (fault.kind === "connect-required") connection.context.events.refused(connection, reason);
  if (text === undefined) connection.close(reason);
  else connection.fail(text, reason);
}
