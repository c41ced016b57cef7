import { randomBytes } from "node:crypto";
import type { Clock, Timer } from "@ganglion/kernel";
import type { Accepted, AuthContext } from "../auth/async-authenticator.js";
import type { TlsPeer } from "../auth/certificate.js";
import type { ConnectionType } from "../auth/user.js";

/** Source: nats-server server.go `nonceRawLen`. */
const NONCE_BYTES = 11;

/** What a listener knows of a connection that asks to be let in. */
export interface Applicant {
  readonly connectionType: ConnectionType;
  readonly tlsPeer?: TlsPeer | undefined;
  /** Address of the peer. */
  readonly host: string;
}

/** How a connection gets in, and how long it may stay. */
export class Admission implements AuthContext {
  readonly connectionType: ConnectionType;
  /** What the client signs, as sent in INFO. */
  readonly nonce?: Uint8Array;
  tlsPeer?: TlsPeer;
  readonly host: string;
  /** Who the connection turned out to be; undefined before. */
  accepted: Accepted | undefined;
  private timer: Timer | undefined;

  constructor(
    { connectionType, tlsPeer, host }: Applicant,
    { needsNonce }: { readonly needsNonce: boolean },
    private readonly clock: Clock,
  ) {
    this.connectionType = connectionType;
    this.host = host;
    if (tlsPeer !== undefined) this.tlsPeer = tlsPeer;
    if (needsNonce) this.nonce = Buffer.from(randomBytes(NONCE_BYTES).toString("base64url"));
  }

  /** Calls `tooLate` unless the connection shows its credentials in time. */
  expectConnect(timeoutMs: number, tooLate: () => void): void {
    this.timer = this.clock.schedule(timeoutMs, tooLate);
  }

  /** The connection shows its credentials, maybe for a second time. */
  begin(): void {
    this.stop();
    this.accepted = undefined;
  }

  /** Lets the connection in, until it expires. */
  accept(accepted: Accepted, expired: () => void): void {
    this.accepted = accepted;
    const { expiresAtMs } = accepted;
    if (expiresAtMs === undefined) return;
    this.timer = this.clock.schedule(Math.max(0, expiresAtMs - this.clock.nowMs()), expired);
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
