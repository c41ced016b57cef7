import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { CLOSE_REASON, type CloseReason } from "../connection/close-reason.js";

/** Time the closing handshake may take once the stream is destroyed. */
const CLOSE_TIMEOUT_MS = 250;
/** Status of a closing for whatever has none of its own. */
const INTERNAL_ERROR = 1011;
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
const POLICY_VIOLATION = 1008;

/** Source: nats-server websocket.go `wsEnqueueCloseMessage`. */
const CLOSE_STATUS: ReadonlyMap<CloseReason, number> = new Map<CloseReason, number>([
  [CLOSE_REASON.clientClosed, 1000],
  [CLOSE_REASON.writeError, GOING_AWAY],
  [CLOSE_REASON.readError, GOING_AWAY],
  [CLOSE_REASON.staleConnection, GOING_AWAY],
  [CLOSE_REASON.serverShutdown, GOING_AWAY],
  [CLOSE_REASON.parseError, PROTOCOL_ERROR],
  [CLOSE_REASON.protocolViolation, PROTOCOL_ERROR],
  [CLOSE_REASON.badClientProtocolVersion, PROTOCOL_ERROR],
  [CLOSE_REASON.authenticationTimeout, POLICY_VIOLATION],
  [CLOSE_REASON.authenticationFailure, POLICY_VIOLATION],
  [CLOSE_REASON.authenticationExpired, POLICY_VIOLATION],
  [CLOSE_REASON.slowConsumerPendingBytes, POLICY_VIOLATION],
  [CLOSE_REASON.slowConsumerWriteDeadline, POLICY_VIOLATION],
  [CLOSE_REASON.maxConnectionsExceeded, POLICY_VIOLATION],
  [CLOSE_REASON.maxAccountConnectionsExceeded, POLICY_VIOLATION],
  [CLOSE_REASON.maxControlLineExceeded, POLICY_VIOLATION],
  [CLOSE_REASON.maxPayloadExceeded, 1009],
]);

/** The NATS protocol over a WebSocket: frames are joined to a stream of bytes, and what is written goes out as frames. */
export class WebSocketTransport extends Duplex {
  /** Why it is closed, once that is known; told to the client. */
  closeReason: CloseReason | undefined;

  constructor(private readonly socket: WebSocket) {
    super({ allowHalfOpen: false });
    socket.on("message", (data: Buffer) => {
      if (!this.push(data)) socket.pause();
    });
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => {
      if (!this.destroyed) this.push(null);
    });
  }

  override _read(): void {
    if (this.socket.isPaused) this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.socket.send(chunk, { binary: true }, callback);
  }

  override _final(callback: () => void): void {
    const { socket, closeReason } = this;
    if (socket.readyState === socket.CLOSED) {
      callback();
      return;
    }
    socket.once("close", () => callback());
    socket.close(statusOf(closeReason), closeReason);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const { socket } = this;
    // What the client sent wrong is being told to it by the closing handshake; anything else has no time for one.
    if (socket.readyState === socket.CLOSING && error !== null) {
      setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
    } else {
      socket.terminate();
    }
    callback(error);
  }
}

function statusOf(reason: CloseReason | undefined): number {
  return (reason && CLOSE_STATUS.get(reason)) ?? INTERNAL_ERROR;
}
