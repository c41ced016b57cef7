import { subjectMatches } from "@ganglion/protocol";
import type { WireOperation } from "./operation-splitter.js";

/** Which messages a fault hits. What is absent does not matter. */
export interface FaultTarget {
  /** Filter for the subject of the message, such as `orders.>`. */
  readonly subject?: string;
  /** Name of the connection, as the client calls itself in CONNECT. */
  readonly connection?: string;
  /** From the client (`publish`) or to the client (`deliver`). @default "publish" */
  readonly on?: "publish" | "deliver";
  /** How many matching messages pass before it begins. @default 0 */
  readonly skip?: number;
  /** How many messages it hits. @default 1 */
  readonly times?: number;
}

/** A fault that is set. */
export interface Fault {
  /** How many messages it has hit. */
  readonly hits: number;
  /** Ends it. */
  remove(): void;
}

/** What happens to a message. */
export type Verdict =
  | { readonly kind: "pass" | "drop" | "cut" }
  | { readonly kind: "delay"; readonly delayMs: number };

export const PASS: Verdict = { kind: "pass" };

/** A message on its way through the proxy. */
export interface PassingMessage {
  readonly on: "publish" | "deliver";
  readonly subject: string;
  readonly reply: string | undefined;
  readonly connection: string;
}

/** The message an operation is, if it is one. */
export function messageOf({
  verb,
  args,
}: WireOperation): Pick<PassingMessage, "on" | "subject" | "reply"> | undefined {
  const [subject = ""] = args;
  switch (verb) {
    case "PUB":
      return { on: "publish", subject, reply: args.length > 2 ? args[1] : undefined };
    case "HPUB":
      return { on: "publish", subject, reply: args.length > 3 ? args[1] : undefined };
    case "MSG":
      return { on: "deliver", subject, reply: args.length > 3 ? args[2] : undefined };
    case "HMSG":
      return { on: "deliver", subject, reply: args.length > 4 ? args[2] : undefined };
    default:
      return undefined;
  }
}

/** A fault and its count. */
class Rule implements Fault {
  hits = 0;
  private passed = 0;
  removed = false;

  constructor(
    private readonly target: FaultTarget,
    readonly verdict: Verdict,
  ) {}

  /** Counts the message, and tells whether it is hit. */
  hit(message: PassingMessage): boolean {
    const { subject, connection, on = "publish", skip = 0, times = 1 } = this.target;
    if (this.removed || this.hits >= times || on !== message.on) return false;
    if (subject !== undefined && !subjectMatches(subject, message.subject)) return false;
    if (connection !== undefined && connection !== message.connection) return false;
    if (this.passed < skip) {
      this.passed++;
      return false;
    }
    this.hits++;
    return true;
  }

  remove(): void {
    this.removed = true;
  }
}

/** A fault that hits the acknowledgement of a stream for a publish, which comes to an inbox of the publisher. */
class PubAckRule extends Rule {
  /** Where the acknowledgements come to that will be lost. */
  private readonly inboxes = new Set<string>();

  override hit(message: PassingMessage): boolean {
    if (message.on === "publish") {
      if (message.reply !== undefined && super.hit(message)) this.inboxes.add(message.reply);
      return false;
    }
    return !this.removed && this.inboxes.delete(message.subject);
  }
}

/** The faults that are set. The first that hits a message decides. */
export class FaultRules {
  private rules: Rule[] = [];

  add(target: FaultTarget, verdict: Verdict): Fault {
    return this.keep(new Rule(target, verdict));
  }

  /** The publish passes, and its acknowledgement is lost. */
  addPubAck(target: FaultTarget): Fault {
    return this.keep(new PubAckRule(target, { kind: "drop" }));
  }

  decide(message: PassingMessage): Verdict {
    return this.rules.find((rule) => rule.hit(message))?.verdict ?? PASS;
  }

  clear(): void {
    for (const rule of this.rules) rule.remove();
    this.rules = [];
  }

  private keep(rule: Rule): Fault {
    this.rules.push(rule);
    return rule;
  }
}
