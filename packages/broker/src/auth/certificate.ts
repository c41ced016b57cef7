import type { X509Certificate } from "node:crypto";
import {
  compareDistinguishedNames,
  type DistinguishedName,
  parseDistinguishedName,
} from "./distinguished-name.js";
import type { PasswordUser } from "./user.js";

/** What the verified certificate of a client says it is. */
export interface TlsPeer {
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** Absent when the certificate has no subject, or one that cannot be read. */
  readonly subject?: DistinguishedName;
}

/** One alternative name as Node writes them: `DNS:a, email:b`, in JSON quotes where it holds a comma or the like. */
const ALTERNATIVE_NAME = /([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g;

/** Reads the names of a certificate. Whether to trust it is decided before. */
export function tlsPeerOf(certificate: X509Certificate): TlsPeer {
  const names = [...(certificate.subjectAltName ?? "").matchAll(ALTERNATIVE_NAME)];
  const ofKind = (wanted: string) =>
    names.flatMap(([, kind, name = ""]) =>
      kind === wanted ? [name.startsWith('"') ? String(JSON.parse(name)) : name] : [],
    );
  // Node writes one relative name a line, the most general first, escaped as in RFC 4514.
  const lines = (certificate.subject ?? "").split("\n").reverse();
  const subject = parseDistinguishedName(lines.join(",").replaceAll(" + ", "+"));
  return {
    emails: ofKind("email"),
    dnsNames: ofKind("DNS"),
    uris: ofKind("URI"),
    ...(subject && { subject }),
  };
}

/**
 * Finds the user a certificate stands for: by an email address, DNS name or URI of it, else by its subject.
 *
 * Source: nats-server auth.go `checkClientTLSCertSubject` and its caller. Subjects whose attributes come in the order
 * of Go's `pkix.Name` are found as reordered ones.
 *
 * @param users - by name; only those that may connect in this way.
 */
export function userOfCertificate<T extends { readonly user: PasswordUser }>(
  peer: TlsPeer,
  users: ReadonlyMap<string, T>,
): T | undefined {
  for (const name of [...peer.emails, ...peer.dnsNames, ...peer.uris]) {
    const found = users.get(name);
    if (found !== undefined) return found;
  }
  const { subject } = peer;
  if (subject === undefined) return undefined;
  let reordered: T | undefined;
  for (const [name, candidate] of users) {
    const wanted = parseDistinguishedName(name);
    const match = wanted === undefined ? "different" : compareDistinguishedNames(wanted, subject);
    if (match === "equal") return candidate;
    if (match === "reordered") reordered ??= candidate;
  }
  return reordered;
}
