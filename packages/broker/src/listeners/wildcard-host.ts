const ANY_IPV4 = "0.0.0.0";

/**
 * Where to listen for an address. `0.0.0.0` stands for all addresses of the machine, those of IPv6 included, so that
 * `localhost` is found whatever it resolves to; without IPv6 Node listens on IPv4 alone.
 *
 * Source: Go's `net.Listen`, as nats-server uses it.
 */
export function listenWhere(host: string, port: number): { readonly host?: string; readonly port: number } {
  const actualPort = Math.max(0, port);
  return host === ANY_IPV4 ? { port: actualPort } : { host, port: actualPort };
}

/** The address of a peer; that of IPv4 on a socket of both kinds in its own form. */
export function peerAddress(address = ""): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
