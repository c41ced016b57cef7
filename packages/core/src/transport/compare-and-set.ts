import { isAtLeast } from "./server-version.js";
import type { Transport } from "./transport.js";

/** Two appends that compared with the same sequence could both succeed on a replicated stream before. Source: nats-server release notes 2.9.21. */
const SAFE_WITH_REPLICAS = [2, 9, 21] as const;

/** Whether a server of this version compares and sets safely on streams with several copies. */
export function isCompareAndSetSafe(version: string): boolean {
  return isAtLeast(version, SAFE_WITH_REPLICAS);
}

/**
 * Why compare-and-set appends to a stream cannot be trusted, in words that name what to do.
 *
 * @returns undefined when they can, and when there is no such stream.
 */
export async function compareAndSetFault(
  { server, jetstream }: Transport,
  stream: string,
): Promise<string | undefined> {
  if (isCompareAndSetSafe(server.version)) return undefined;
  const replicas = (await jetstream.streams.info(stream))?.spec.replicas ?? 1;
  if (replicas === 1) return undefined;
  return `nats-server ${server.version} cannot compare-and-set safely on ${stream} with ${replicas} replicas: use 2.9.21 or newer, or one replica`;
}
