import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { SecureContextOptions } from "node:tls";
import { brokerError } from "../../errors.js";
import type { AccountResolver } from "./account-resolver.js";

/** How a {@link UrlResolver} asks. */
export interface UrlResolverOptions {
  /** What the account's key is put behind. */
  readonly url: string;
  /** Time one request may take. @default 1900 ms */
  readonly timeoutMs?: number;
  /** Certificates for https: `resolver_tls`. */
  readonly tls?: SecureContextOptions & { readonly rejectUnauthorized?: boolean };
}

/** Less than a client waits to be let in. Source: nats-server const.go `DEFAULT_ACCOUNT_FETCH_TIMEOUT`. */
export const DEFAULT_FETCH_TIMEOUT_MS = 1_900;

/** Largest JWT that is read. Source: nats-io/jwt `MaxTokenSize`. */
const MAX_TOKEN_BYTES = 1024 * 1024;

/**
 * Asks a web server for the JWTs of accounts: `GET <url>/<key>`.
 *
 * Source: nats-server accounts.go `URLAccResolver`.
 */
export class UrlResolver implements AccountResolver {
  readonly isWritable = false;
  private readonly closing = new AbortController();

  constructor(private readonly options: UrlResolverOptions) {}

  async fetch(key: string): Promise<string | undefined> {
    const { url, timeoutMs = DEFAULT_FETCH_TIMEOUT_MS } = this.options;
    const target = new URL(key, url.endsWith("/") ? url : `${url}/`);
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.closing.signal]);
    try {
      const { status, body } = await this.get(target, signal);
      if (status === 200) return body;
      throw unresolved(target, `status ${status}`);
    } catch (error) {
      throw unresolved(
        target,
        signal.aborted ? `no answer within ${timeoutMs} ms` : (error as Error).message,
        error,
      );
    }
  }

  async store(): Promise<void> {
    throw brokerError("ACCOUNT_UNRESOLVED", "A resolver of type URL cannot store accounts");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort();
  }

  private get(target: URL, signal: AbortSignal): Promise<{ status: number | undefined; body: string }> {
    const isSecure = target.protocol === "https:";
    return new Promise((resolve, reject) => {
      const options = { signal, ...(isSecure ? this.options.tls : {}) };
      const request = (isSecure ? requestHttps : requestHttp)(target, options, (response) => {
        const chunks: Buffer[] = [];
        let sizeBytes = 0;
        response.on("data", (chunk: Buffer) => {
          sizeBytes += chunk.length;
          if (sizeBytes > MAX_TOKEN_BYTES) request.destroy(unresolved(target, "the answer is too large"));
          chunks.push(chunk);
        });
        response.on("end", () =>
          resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString("utf8").trim() }),
        );
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end();
    });
  }
}

/** The address without user and password. */
function shown(target: URL): string {
  const copy = new URL(target);
  if (copy.password !== "") copy.password = "xxxxx";
  return copy.href;
}

function unresolved(target: URL, reason: string, cause?: unknown) {
  return brokerError("ACCOUNT_UNRESOLVED", `Cannot fetch the account from ${shown(target)}: ${reason}`, {
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
