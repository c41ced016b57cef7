import type { Socket } from "node:net";
import { createSecureContext, type TLSSocket } from "node:tls";
import { tlsPeerOf } from "../auth/certificate.js";
import type { TlsConfig } from "../config/blocks/tls.js";
import { CLOSE_REASON } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import { ERROR_TEXT } from "../connection/error-texts.js";
import type { ResolvedBrokerOptions } from "../options.js";
import { RateLimit } from "./rate-limit.js";
import { firstBytes, type HandshakeSettings, handshake } from "./tls-handshake.js";
import { tlsServerOptions } from "./tls-options.js";

/** Source: nats-server const.go `TLS_TIMEOUT`. */
export const DEFAULT_TLS_TIMEOUT_MS = 2_000;

/**
 * Encrypts the connections of the client listener: the client reads INFO in plain text, then comes the handshake; or
 * the handshake comes first.
 *
 * Source: nats-server server.go `createClientEx`.
 */
export class TlsUpgrade {
  private readonly settings: HandshakeSettings;
  private readonly rate: RateLimit | undefined;

  /** @throws GanglionError `TLS_UNUSABLE`. */
  constructor(
    private readonly tls: TlsConfig,
    private readonly broker: Pick<ResolvedBrokerOptions, "allowNonTls" | "clock" | "logger">,
  ) {
    const { timeoutMs = DEFAULT_TLS_TIMEOUT_MS, pinnedCerts, connectionRateLimit } = tls;
    const { clock } = broker;
    const options = tlsServerOptions(tls);
    const context = createSecureContext(options);
    this.settings = { options, context, timeoutMs, clock, ...(pinnedCerts && { pinnedCerts }) };
    if (connectionRateLimit) this.rate = new RateLimit(connectionRateLimit, clock);
  }

  /** Greets the client of `connection`, encrypts, and lets it start. Never rejects. */
  async open(connection: Connection, socket: Socket): Promise<void> {
    socket.on("error", () => connection.close(CLOSE_REASON.readError));
    const isTls = await this.isTls(connection, socket);
    if (connection.isClosed) return;
    if (isTls) await this.encrypt(connection, socket);
    else connection.listen();
  }

  /** Finds out whether the client begins a handshake. Clients that do not and must are told and closed. */
  private async isTls(connection: Connection, socket: Socket): Promise<boolean> {
    const { timeoutMs, clock } = this.settings;
    const { first = false, fallbackMs } = this.tls.handshakeFirst ?? {};
    if (first) {
      const bytes = await firstBytes(socket, clock, fallbackMs ?? timeoutMs);
      if (bytes === "tls") return true;
      if (bytes !== "silent" || fallbackMs === undefined) return this.refuse(connection, bytes === "closed");
    }
    connection.greet();
    if (connection.isClosed) return false;
    const bytes = await firstBytes(socket, clock, timeoutMs);
    if (bytes === "tls") return true;
    if (bytes === "closed" || !this.broker.allowNonTls) return this.refuse(connection, bytes === "closed");
    return false;
  }

  private refuse(connection: Connection, isGone: boolean): false {
    if (connection.isClosed) return false;
    if (isGone) {
      connection.close(CLOSE_REASON.clientClosed);
      return false;
    }
    connection.logError("TLS handshake error: the client does not begin a TLS handshake");
    connection.fail(ERROR_TEXT.tlsRequired, CLOSE_REASON.tlsHandshakeFailure);
    return false;
  }

  private async encrypt(connection: Connection, socket: Socket): Promise<void> {
    if (this.rate?.allow() === false) {
      connection.fail(ERROR_TEXT.throttled, CLOSE_REASON.maxConnectionsExceeded);
      return;
    }
    this.broker.logger.debug(`${connection.label} - Starting TLS client connection handshake`);
    let secure: TLSSocket;
    try {
      secure = await handshake(socket, this.settings);
    } catch (error) {
      if (connection.isClosed) return;
      connection.logError(`TLS handshake error: ${(error as Error).message}`);
      connection.close(CLOSE_REASON.tlsHandshakeFailure);
      return;
    }
    if (connection.isClosed) {
      secure.destroy();
      return;
    }
    this.broker.logger.debug(
      `${connection.label} - TLS version ${secure.getProtocol()}, cipher suite ${secure.getCipher().standardName}`,
    );
    const certificate = this.settings.options.requestCert ? secure.getPeerX509Certificate() : undefined;
    connection.encrypted(secure, certificate && tlsPeerOf(certificate));
    if (!connection.isGreeted) connection.greet();
    if (!connection.isClosed) connection.listen();
  }
}
