import { block, byKind, field, list, type OptionsOf, type Reader, refine } from "../reader.js";
import { count, duration, flag, text, timeout, wordOf } from "../scalars.js";
import { CIPHER_SUITES, CURVES } from "./tls-names.js";

/** When the TLS handshake comes: before INFO if `first`; with `fallbackMs`, INFO is sent when none came by then. */
export interface HandshakeFirst {
  readonly first: boolean;
  readonly fallbackMs?: number;
}

/** Source: nats-server const.go `DEFAULT_TLS_HANDSHAKE_FIRST_FALLBACK_DELAY`. */
const AUTO_FALLBACK_MS = 50;

const handshakeFirst: Reader<HandshakeFirst> = byKind(
  {
    boolean: refine(flag, (first) => ({ first })),
    string: (given) => {
      const word = given.value.kind === "string" ? given.value.value.toLowerCase() : "";
      if (word === "true" || word === "on") return { first: true };
      if (word === "false" || word === "off") return { first: false };
      if (word === "auto" || word === "auto_fallback") return { first: true, fallbackMs: AUTO_FALLBACK_MS };
      const fallbackMs = duration()(given);
      return fallbackMs === undefined ? undefined : { first: true, fallbackMs };
    },
  },
  'a boolean, "auto" or a duration',
);

const fingerprint: Reader<string> = refine(text, (option, given) =>
  /^[0-9a-fA-F]{64}$/.test(option)
    ? option.toLowerCase()
    : given.fault(`"${option}" is not the SHA-256 of a public key: 64 hexadecimal digits`),
);

const certificatePair = refine(
  block({ certFile: field("cert_file", text), keyFile: field("key_file", text) }),
  ({ certFile, keyFile }, given) =>
    certFile && keyFile
      ? { certFile, keyFile }
      : given.fault("a certificate needs both cert_file and key_file"),
);

function nameIn(table: ReadonlyMap<string, unknown>): Reader<string> {
  return refine(text, (option, given) =>
    table.has(option)
      ? option
      : given.fault(`"${option}" is unknown; known are ${[...table.keys()].join(", ")}`),
  );
}

function notEmpty<T>(reader: Reader<readonly T[]>): Reader<readonly T[]> {
  return refine(reader, (items, given) =>
    given.value.kind === "list" && given.value.items.length === 0
      ? given.fault(`${given.name} must not be empty`)
      : items,
  );
}

const fields = {
  certFile: field("cert_file", text, "Path of the certificate, PEM."),
  keyFile: field("key_file", text, "Path of its private key, PEM."),
  caFile: field("ca_file", text, "Path of the authorities that sign the peers' certificates, PEM."),
  certificates: field(
    "certs certificates",
    list(certificatePair),
    "Further certificates, chosen by the name a client asks for.",
  ),
  insecure: field("insecure", flag, "Accept any certificate of the peer."),
  verify: field("verify", flag, "Ask clients for a certificate."),
  verifyAndMap: field("verify_and_map", flag, "Ask clients for a certificate and take the user from it."),
  verifyKnownUrls: field(
    "verify_cert_and_check_known_urls",
    flag,
    "Check the names in the certificate of a route against the known URLs.",
  ),
  allowInsecureCipherSuites: field("allow_insecure_cipher_suites", flag),
  cipherSuites: field(
    "cipher_suites",
    notEmpty(list(nameIn(CIPHER_SUITES))),
    "Names as in the TLS registry, such as `TLS_AES_128_GCM_SHA256`.",
  ),
  curvePreferences: field(
    "curve_preferences",
    notEmpty(list(nameIn(CURVES))),
    "Names as Go writes them, such as `CurveP256`.",
  ),
  timeoutMs: field("timeout", timeout, "Time the handshake may take."),
  connectionRateLimit: field("connection_rate_limit", count, "Handshakes a second, for all clients."),
  pinnedCerts: field(
    "pinned_certs",
    list(fingerprint),
    "SHA-256 of the public keys of accepted peers, in lower case.",
  ),
  handshakeFirst: field("handshake_first first immediate", handshakeFirst),
  minVersion: field("min_version", wordOf({ "1.2": "TLSv1.2", "1.3": "TLSv1.3" } as const)),
};

const WINDOWS_ONLY = "certificate stores exist on Windows only";

const tlsTable = block(fields, {
  unsupported: {
    ocsp_peer: "OCSP is out of scope",
    cert_store: WINDOWS_ONLY,
    cert_match_by: WINDOWS_ONLY,
    cert_match: WINDOWS_ONLY,
    ca_certs_match: WINDOWS_ONLY,
    cert_match_skip_invalid: WINDOWS_ONLY,
  },
});

/** A `tls` block. The files it names are not looked at. */
export type TlsConfig = OptionsOf<typeof fields>;

/**
 * TLS between brokers: `cluster` and `gateway`.
 *
 * Source: nats-server opts.go `parseTLS`, `GenTLSConfig`.
 */
export const peerTls: Reader<TlsConfig> = refine(tlsTable, (tls, given) => {
  const { certFile, keyFile, certificates, allowInsecureCipherSuites } = tls;
  if (certFile && !keyFile) given.fault("cert_file needs a key_file", given.placeOf("cert_file"));
  if (keyFile && !certFile) given.fault("key_file needs a cert_file", given.placeOf("key_file"));
  if (certFile && certificates?.length) given.fault("cert_file and certs exclude each other");
  const insecure = (tls.cipherSuites ?? []).filter((suite) => CIPHER_SUITES.get(suite)?.isInsecure);
  if (insecure.length > 0 && allowInsecureCipherSuites !== true) {
    given.fault(
      `${insecure.join(", ")} need allow_insecure_cipher_suites: true`,
      given.placeOf("cipher_suites"),
    );
  }
  const verify = tls.verify || tls.verifyAndMap || tls.verifyKnownUrls;
  return verify ? Object.freeze({ ...tls, verify }) : tls;
});

/** TLS with clients, and as a client. */
export const tls: Reader<TlsConfig> = refine(peerTls, (options, given) => {
  const key = "verify_cert_and_check_known_urls";
  if (options.verifyKnownUrls) given.fault(`${key} is for cluster and gateway only`, given.placeOf(key));
  return options;
});
