import { isGanglionError, type Logger } from "@ganglion/kernel";
import type { OperatorMode } from "../accounts/operator-mode.js";
import { DirectoryResolver } from "../accounts/resolvers/directory-resolver.js";
import type { JwtDirectory } from "../accounts/resolvers/jwt-directory.js";
import { accountClaimFaults } from "../auth/jwt/account-claim-faults.js";
import { type AccountClaims, decodeAccountClaims } from "../auth/jwt/account-claims.js";
import type { AccountBus, RoutedMessage } from "../jetstream/account-bus.js";
import { deletedAccounts } from "./delete-request.js";
import type { ServerEnvelope } from "./server-envelope.js";

/** What {@link ClaimsRequests} goes by. */
export interface ClaimsWorld {
  readonly bus: AccountBus;
  readonly envelope: ServerEnvelope;
  readonly mode: OperatorMode;
  /** Name of the system account. */
  readonly systemAccount: string;
  readonly logger: Logger;
}

/** A request, taken out of its message. */
interface ClaimsRequest {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly payload: Buffer;
}

type Handler = (request: ClaimsRequest) => Promise<void>;

const OK = 200;
const FAILED = 500;

/**
 * Requests to the system account that look up, change, list and delete the JWTs of accounts. A change holds at once.
 *
 * Source: nats-server accounts.go `DirAccResolver.Start`, `CacheDirAccResolver.Start`, events.go `accountClaimUpdate`.
 */
export class ClaimsRequests {
  private readonly ends: (() => void)[] = [];
  /** Requests are handled one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly world: ClaimsWorld) {
    const { resolver } = world.mode;
    if (resolver instanceof DirectoryResolver) this.serveDirectory(resolver);
    else {
      // Kept for tools that write somewhere else and tell the broker.
      this.on("$SYS.ACCOUNT.*.CLAIMS.UPDATE", (request) => this.updateInUse(request));
      this.on("$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", (request) => this.updateInUse(request));
    }
  }

  close(): void {
    for (const end of this.ends.splice(0)) end();
  }

  private serveDirectory({ directory, isCache }: DirectoryResolver): void {
    const update: Handler = (request) => this.update(request, directory, isCache);
    this.on("$SYS.ACCOUNT.*.CLAIMS.UPDATE", update);
    this.on("$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", update);
    this.on("$SYS.REQ.CLAIMS.UPDATE", update);
    this.on("$SYS.REQ.CLAIMS.LIST", (request) => this.list(request, directory));
    this.on("$SYS.REQ.CLAIMS.DELETE", (request) => this.delete(request, directory));
    if (isCache) return;
    this.on("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", async ({ subject, reply }) => {
      this.send(reply, (await directory.load(accountIn(subject) ?? "")) ?? "");
    });
    this.on("$SYS.REQ.CLAIMS.PACK", (request) => this.pack(request, directory));
  }

  private on(subject: string, handler: Handler): void {
    const take = ({ subject: asked, reply, data, headerSizeBytes }: RoutedMessage) => {
      const request = { subject: asked, reply, payload: Buffer.from(data.subarray(headerSizeBytes)) };
      this.last = this.last
        .then(() => handler(request))
        .catch((error: unknown) => {
          this.world.logger.error(`Request ${asked} failed: ${String(error)}`);
        });
    };
    this.ends.push(this.world.bus.subscribe(subject, take));
  }

  private async update(request: ClaimsRequest, directory: JwtDirectory, isCache: boolean): Promise<void> {
    const what = isCache ? "jwt update cache" : "jwt update";
    const token = request.payload.toString("utf8");
    const claims = this.decoded(request, `${what} resulted in error`);
    if (claims === undefined) return;
    const { subject: key } = claims;
    const refuse = (message: string, reason: string) => this.fail(request, { account: key, message, reason });
    const wanted = accountIn(request.subject) ?? key;
    if (wanted !== key) return refuse(`${what} resulted in error`, "subject does not match jwt content");
    if (isCache && this.world.mode.accounts.get(key) === undefined)
      return this.succeed(request, `${what} skipped`, key);
    const [fault] = accountClaimFaults(claims);
    if (fault !== undefined) return refuse(`${isCache ? what : "jwt"} validation failed`, fault);
    const issuerFault = this.issuerFault(claims);
    if (issuerFault !== undefined) return refuse(`${what} resulted in error`, issuerFault);
    try {
      if (await directory.save(key, token)) await this.apply(key, token);
    } catch (error) {
      return refuse(`${what} resulted in error`, messageOf(error));
    }
    this.succeed(request, isCache ? "jwt updated cache" : "jwt updated", key);
  }

  /** Takes over a JWT for an account that is in use; the resolver keeps its own. */
  private async updateInUse(request: ClaimsRequest): Promise<void> {
    const { accounts, resolver } = this.world.mode;
    const message = "jwt update resulted in error";
    const claims = this.decoded(request, message);
    if (claims === undefined) return;
    const key = accountIn(request.subject) ?? "";
    const token = request.payload.toString("utf8");
    if (accounts.get(key) === undefined) return this.succeed(request, "jwt update skipped", key);
    const fault = await accounts.update(key, token);
    if (fault !== undefined) return this.fail(request, { account: key, message, reason: fault });
    if (resolver.isWritable) await resolver.store(key, token);
    this.succeed(request, "jwt updated", key);
  }

  private decoded(request: ClaimsRequest, message: string): AccountClaims | undefined {
    try {
      return decodeAccountClaims(request.payload.toString("utf8"));
    } catch (error) {
      const account = accountIn(request.subject) ?? "n/a";
      this.fail(request, { account, message, reason: messageOf(error) });
      return undefined;
    }
  }

  /** An untrusted JWT is not even kept, where nats-server keeps it and does not use it. */
  private issuerFault({ issuer }: AccountClaims): string | undefined {
    const { operator, isStrict, keys } = this.world.mode.trust;
    if (issuer === operator && isStrict) return "operator requires issuer to be a signing key";
    return keys.has(issuer) ? undefined : "account JWT not signed by trusted operator";
  }

  /** Makes a change hold for an account that is in use. */
  private async apply(key: string, token: string): Promise<void> {
    const { accounts } = this.world.mode;
    const fault = accounts.get(key) === undefined ? undefined : await accounts.update(key, token);
    if (fault !== undefined) this.world.logger.error(`Update of account ${key}: ${fault}`);
  }

  private async list({ reply }: ClaimsRequest, directory: JwtDirectory): Promise<void> {
    const data: string[] = [];
    for await (const [key] of directory.entries()) data.push(key);
    this.send(reply, JSON.stringify({ data, server: this.world.envelope.next() }));
  }

  /** One message for each JWT, and an empty one at the end; only that when who asks has the same. */
  private async pack({ reply, payload }: ClaimsRequest, directory: JwtDirectory): Promise<void> {
    if (!payload.equals(directory.hash())) {
      for await (const [key, token] of directory.entries()) this.send(reply, `${key}|${token}`);
    }
    this.send(reply, "");
  }

  private async delete(request: ClaimsRequest, directory: JwtDirectory): Promise<void> {
    const { mode, systemAccount } = this.world;
    const asked = deletedAccounts(request.payload.toString("utf8"), {
      isEnabled: directory.canDelete,
      operatorKeys: mode.trust.operatorKeys,
      systemAccount,
    });
    if ("fault" in asked) {
      const message = `delete accounts request by ${asked.issuer} failed`;
      return this.fail(request, { message, reason: asked.fault });
    }
    const faults: string[] = [];
    for (const key of asked.accounts) {
      try {
        if (await directory.delete(key)) mode.accounts.remove(key);
      } catch (error) {
        faults.push(messageOf(error));
      }
    }
    const message = `deleted ${asked.accounts.length - faults.length} accounts`;
    if (faults.length === 0) return this.succeed(request, message);
    this.fail(request, { message: `${message}, failed for ${faults.length}`, reason: faults.join("\n") });
  }

  private succeed({ reply }: ClaimsRequest, message: string, account?: string): void {
    this.world.logger.debug(account === undefined ? message : `${message} - ${account}`);
    const server = this.world.envelope.next();
    this.send(reply, JSON.stringify({ server, data: { ...(account && { account }), code: OK, message } }));
  }

  private fail(
    { reply }: ClaimsRequest,
    { account, message, reason }: { account?: string; message: string; reason: string },
  ): void {
    this.world.logger.error([message, account, reason].filter(Boolean).join(" - "));
    const server = this.world.envelope.next();
    const error = { ...(account && { account }), code: FAILED, description: `${message} - ${reason}` };
    this.send(reply, JSON.stringify({ server, error }));
  }

  private send(reply: string | undefined, text: string): void {
    if (reply !== undefined)
      this.world.bus.publish({ subject: reply, headerSizeBytes: 0, data: Buffer.from(text) });
  }
}

/** The account that a subject names. */
function accountIn(subject: string): string | undefined {
  return /^\$SYS\.(?:REQ\.)?ACCOUNT\.([^.]+)\.CLAIMS\./.exec(subject)?.[1];
}

function messageOf(error: unknown): string {
  if (isGanglionError(error, "INVALID_JWT") || isGanglionError(error, "ACCOUNT_UNRESOLVED"))
    return error.message;
  throw error;
}
