import type { Clock, Logger } from "@ganglion/kernel";
import type { PermissionRules } from "../auth/permission-rules.js";
import { Permissions } from "../auth/permissions.js";
import type { ClientIdentity } from "../connection/client-identity.js";
import type { BrokerHooks } from "./broker-hooks.js";

/** Whom the hooks are asked about, and what they need. */
export interface HookedClient {
  readonly hooks: BrokerHooks;
  readonly clock: Clock;
  readonly logger: Logger;
  identity(): ClientIdentity;
}

/** Whether hooks have a say in subjects. */
export function restrictsSubjects({ authorizePublish, authorizeSubscribe }: BrokerHooks): boolean {
  return authorizePublish !== undefined || authorizeSubscribe !== undefined;
}

/** The permissions of a connection, and beside them what the application's hooks say. */
export class HookedPermissions extends Permissions {
  constructor(
    rules: PermissionRules,
    private readonly client: HookedClient,
  ) {
    super(rules, client.clock);
  }

  override get limitsPublish(): boolean {
    return this.client.hooks.authorizePublish !== undefined || super.limitsPublish;
  }

  override mayPublish(subject: string): boolean {
    return (
      super.mayPublish(subject) &&
      this.isAllowed("authorizePublish", (hooks, identity) => hooks.authorizePublish?.(subject, identity))
    );
  }

  /** The hook may think otherwise the next time. */
  override mayAlwaysPublish(subject: string): boolean {
    return this.client.hooks.authorizePublish === undefined && super.mayAlwaysPublish(subject);
  }

  override maySubscribe(filter: string, queue?: string): boolean {
    return (
      super.maySubscribe(filter, queue) &&
      this.isAllowed("authorizeSubscribe", (hooks, identity) =>
        hooks.authorizeSubscribe?.(filter, queue, identity),
      )
    );
  }

  /** Only `true` allows: not a promise, and not what throws. */
  private isAllowed(
    name: keyof BrokerHooks,
    ask: (hooks: BrokerHooks, identity: ClientIdentity) => unknown,
  ): boolean {
    const { hooks, logger } = this.client;
    if (hooks[name] === undefined) return true;
    try {
      return ask(hooks, this.client.identity()) === true;
    } catch (error) {
      logger.error(`the ${name} hook failed`, { error });
      return false;
    }
  }
}
