import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { isTls } from "../connection/tls-facts.js";

/** The certificate a client has shown, if any. Source: nats-server monitor.go `makePeerCerts`. */
export function peerCertificates(transport: Duplex) {
  const certificate = isTls(transport) ? transport.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return [];
  const publicKey = certificate.publicKey.export({ type: "spki", format: "der" });
  return [
    {
      // Node writes one relative name a line, the most general first; Go the other way round on one line.
      subject: certificate.subject.split("\n").reverse().join(","),
      spki_sha256: sha256(publicKey),
      cert_sha256: sha256(certificate.raw),
    },
  ];
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
