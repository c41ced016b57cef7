import type { Clock, Logger } from "@ganglion/kernel";
import { type ConnectOptions, isValidFilter } from "@ganglion/protocol";
import { GLOBAL_ACCOUNT } from "../accounts/account.js";
import {
  type Accepted,
  type AsyncAuthenticator,
  type AuthContext,
  type AuthOutcome,
  refused,
} from "../auth/async-authenticator.js";
import { nkeySignatureFault } from "../auth/nkey.js";
import type { PermissionRules } from "../auth/permission-rules.js";
import type { AdmittedClient, BrokerHooks } from "./broker-hooks.js";

/** What a hook that decides about connections works with. */
export interface HookSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly authTimeoutMs: number;
}

/** Lets in whom the application's hook lets in. */
export class HookAuthenticator implements AsyncAuthenticator {
  readonly required = true;
  readonly hasDefaultUser = false;
  readonly needsNonce = true;

  constructor(
    private readonly hook: NonNullable<BrokerHooks["authenticate"]>,
    private readonly settings: () => HookSettings,
  ) {}

  async authenticate(options: ConnectOptions, context: AuthContext): Promise<AuthOutcome> {
    const { nkey, sig } = options;
    if (nkey !== "") {
      const fault = nkeySignatureFault({ publicKey: nkey, signature: sig, nonce: context.nonce });
      if (fault !== undefined) return refused(fault);
    }
    try {
      const answer = await this.inTime(async () => this.hook(attemptOf(options, context)));
      return answer === LATE
        ? refused("the authenticate hook did not answer in time")
        : outcome(answer, options);
    } catch (error) {
      this.settings().logger.error("the authenticate hook failed", { error });
      return refused("the authenticate hook failed");
    }
  }

  private inTime<T>(ask: () => Promise<T>): Promise<T | typeof LATE> {
    const { clock, authTimeoutMs } = this.settings();
    return new Promise((resolve, reject) => {
      const timer = clock.schedule(authTimeoutMs, () => resolve(LATE));
      ask()
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
  }
}

const LATE = Symbol("late");

function attemptOf(options: ConnectOptions, context: AuthContext) {
  const { user, pass: password, auth_token: token, nkey, jwt, name, lang, version } = options;
  const { host = "", connectionType, tlsPeer: certificate } = context;
  return { user, password, token, nkey, jwt, name, lang, version, host, connectionType, certificate };
}

function outcome(answer: AdmittedClient | undefined, { user, nkey }: ConnectOptions): AuthOutcome {
  if (answer === undefined) return refused("the authenticate hook refuses");
  const fault = answerFault(answer);
  if (fault !== undefined) return refused(`the authenticate hook gave ${fault}`);
  const { account = GLOBAL_ACCOUNT, permissions, expiresAtMs } = answer;
  const accepted: Accepted = {
    accepted: true,
    userName: answer.user ?? (user || nkey),
    accountName: account,
  };
  return {
    ...accepted,
    ...(permissions && { permissions }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  };
}

const ANSWER_KEYS: ReadonlySet<string> = new Set([
  "user",
  "account",
  "permissions",
  "expiresAtMs",
] satisfies (keyof AdmittedClient)[]);

/** What is wrong with an answer; types do not hold where the application is JavaScript. */
function answerFault(answer: AdmittedClient): string | undefined {
  if (typeof answer !== "object" || answer === null) return `${JSON.stringify(answer)}, not an object`;
  const unknown = Object.keys(answer).find((key) => !ANSWER_KEYS.has(key));
  if (unknown !== undefined) return `an unknown key "${unknown}"`;
  const { user = "", account = "", expiresAtMs = 0, permissions } = answer;
  if (typeof user !== "string" || typeof account !== "string") return "a user or account that is no text";
  if (!Number.isFinite(expiresAtMs)) return "an expiresAtMs that is no number";
  return permissions === undefined ? undefined : permissionsFault(permissions);
}

function permissionsFault(permissions: PermissionRules): string | undefined {
  if (typeof permissions !== "object" || permissions === null) return "permissions that are no object";
  const unknown = Object.keys(permissions).find(
    (key) => !["publish", "subscribe", "responses"].includes(key),
  );
  if (unknown !== undefined) return `permissions with an unknown key "${unknown}"`;
  for (const rules of [permissions.publish, permissions.subscribe]) {
    const wrong = Object.keys(rules ?? {}).find((key) => key !== "allow" && key !== "deny");
    if (wrong !== undefined) return `permissions with an unknown key "${wrong}"`;
    for (const entries of [rules?.allow ?? [], rules?.deny ?? []]) {
      const isRead = Array.isArray(entries) && entries.every(isEntry);
      if (!isRead) return `permissions that are no lists of subjects: ${JSON.stringify(entries)}`;
    }
  }
  return undefined;
}

function isEntry(entry: unknown): boolean {
  return typeof entry === "string" && isValidFilter(entry.trim().split(/\s+/)[0] ?? "");
}
