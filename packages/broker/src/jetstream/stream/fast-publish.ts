/** What the reply subject of a fast publish says. */
export interface FastPublish {
  readonly batchId: string;
  /** Position in the batch, 1-based. */
  readonly sequence: number;
  /** How many messages the client wants acknowledged at a time, at most. */
  readonly flow: number;
  readonly gapsAllowed: boolean;
  readonly operation: FastOperation;
}

/** `commitEmpty` ends a batch without a message of its own; `ping` asks for the last acknowledgement again. */
export type FastOperation = "start" | "append" | "commit" | "commitEmpty" | "ping";

const SUFFIX = ".$FI";
const OPERATIONS: readonly FastOperation[] = ["start", "append", "commit", "commitEmpty", "ping"];
const DEFAULT_FLOW = 10;
const MAX_FLOW = 65_535;

/** Whether a reply subject is that of a fast publish. */
export function isFastPublish(reply: string): boolean {
  return reply.endsWith(SUFFIX) && reply.length > SUFFIX.length;
}

/**
 * Reads `<prefix>.<batch id>.<flow>.<ok | fail>.<sequence>.<operation>.$FI`.
 *
 * @returns undefined when it is not of this form.
 * Source: nats-server stream.go `getFastBatch`.
 */
export function parseFastPublish(reply: string): FastPublish | undefined {
  const tokens = reply.slice(0, -SUFFIX.length).split(".");
  if (tokens.length < 6) return undefined;
  const [batchId = "", flowText = "", gaps = "", sequenceText = "", operationText = ""] = tokens.slice(-5);
  const operation = /^\d$/.test(operationText) ? OPERATIONS[Number(operationText)] : undefined;
  const sequence = /^\d+$/.test(sequenceText) ? Number(sequenceText) : 0;
  if (operation === undefined || sequence === 0 || !Number.isSafeInteger(sequence)) return undefined;
  if (sequence === 1 && (operation === "commitEmpty" || operation === "append")) return undefined;
  if (sequence !== 1 && operation === "start") return undefined;
  if (gaps !== "ok" && gaps !== "fail") return undefined;
  const asked = /^\d+$/.test(flowText) ? Number(flowText) : 0;
  const flow = asked <= 0 ? DEFAULT_FLOW : Math.min(asked, MAX_FLOW);
  return { batchId, sequence, flow, gapsAllowed: gaps === "ok", operation };
}
