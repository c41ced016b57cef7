import type { ListenAddress } from "./listen.js";

/**
 * Reads an address that is told to clients: `host`, `host:port`, `[::1]:port`.
 *
 * @param port - of the listener; also for a port of 0 or -1.
 * @returns undefined when it is none.
 * Source: nats-server util.go `parseHostPort`.
 */
export function advertisedAddress(text: string, port: number): ListenAddress | undefined {
  const [, ipv6, name, digits] = /^(?:\[([^\][]+)\]|([^:\][\s]+))(?::(-?\d{1,5}))?$/.exec(text.trim()) ?? [];
  const host = ipv6 ?? name;
  const given = Number(digits ?? 0);
  if (host === undefined || given < -1 || given > 65_535) return undefined;
  return { host, port: given > 0 ? given : port };
}
