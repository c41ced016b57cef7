import type { ConnectOptions, ServerInfo } from "@ganglion/protocol";
import { coreError } from "../errors.js";
import { authenticate } from "./authentication.js";
import type { ResolvedNatsOptions } from "./nats-options.js";
import type { ServerAddress } from "./server-address.js";
import { Session, type SessionHooks } from "./session.js";
import { type Dial, encrypt } from "./socket.js";

/** What {@link establish} works on. */
export interface EstablishRequest {
  readonly address: ServerAddress;
  readonly options: ResolvedNatsOptions;
  readonly dial: Dial;
  /** Aborted when the connection is closed meanwhile. */
  readonly closing: AbortSignal;
  readonly hooks: (session: () => Session) => SessionHooks;
}

/** Version of this client, as servers show it. */
const CLIENT_VERSION = "0.1.0";

/**
 * Connects to one server: dial, greeting, encryption, introduction.
 *
 * @throws GanglionError `CONNECTION_FAILED`, `INVALID_CREDENTIALS`; whatever the socket fails with
 */
export async function establish({
  address,
  options,
  dial,
  closing,
  hooks,
}: EstablishRequest): Promise<{ readonly session: Session; readonly info: ServerInfo }> {
  const attempt = new AbortController();
  const giveUp = () => attempt.abort(closing.reason);
  closing.addEventListener("abort", giveUp, { once: true });
  const timer = options.clock.schedule(options.connectTimeoutMs, () =>
    attempt.abort(
      coreError(
        "CONNECTION_FAILED",
        `${address.text} took more than ${options.connectTimeoutMs} ms to connect`,
      ),
    ),
  );
  let session: Session | undefined;
  attempt.signal.addEventListener("abort", () => session?.destroy(attempt.signal.reason as Error), {
    once: true,
  });
  try {
    const upgrade = { address, tls: options.tls, signal: attempt.signal };
    let socket = await dial(address, attempt.signal);
    const handshakeFirst = options.tls?.handshakeFirst === true;
    if (handshakeFirst) socket = await encrypt(socket, upgrade);
    const opened = new Session(
      socket,
      hooks(() => opened),
    );
    session = opened;
    const info = await opened.greeting();
    if (!handshakeFirst && (info.tls_required === true || address.tls || options.tls !== undefined)) {
      if (info.tls_required !== true && info.tls_available !== true) {
        throw coreError("CONNECTION_FAILED", `${address.text} offers no TLS, which was asked for`);
      }
      await opened.replaceSocket((plain) => encrypt(plain, upgrade));
    }
    await opened.introduce(introduction(address, options, info));
    return { session: opened, info };
  } catch (error) {
    session?.destroy(error instanceof Error ? error : undefined);
    throw error;
  } finally {
    timer.cancel();
    closing.removeEventListener("abort", giveUp);
  }
}

function introduction(
  address: ServerAddress,
  options: ResolvedNatsOptions,
  info: ServerInfo,
): Partial<ConnectOptions> {
  const authentication = options.authentication ?? address.authentication;
  return {
    verbose: false,
    pedantic: false,
    echo: true,
    lang: "ganglion",
    version: CLIENT_VERSION,
    protocol: 1,
    headers: true,
    no_responders: true,
    ...(options.name !== undefined && { name: options.name }),
    ...(authentication !== undefined && authenticate(authentication, info.nonce)),
  };
}
