import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions,
} from "node:tls";
import type { TlsConfig } from "../config/blocks/tls.js";
import { CIPHER_SUITES, CURVES } from "../config/blocks/tls-names.js";
import { brokerError } from "../errors.js";

/**
 * Makes options for Node's TLS servers of a `tls` block, and reads the files it names.
 *
 * @throws GanglionError `TLS_UNUSABLE` when a file cannot be read or OpenSSL does not take it.
 * Source: nats-server opts.go `GenTLSConfig`.
 */
export function tlsServerOptions(config: TlsConfig): TlsOptions {
  const { certFile, keyFile, certificates = [], verify = false } = config;
  const pairs = certFile && keyFile ? [{ certFile, keyFile }] : certificates;
  const [first] = pairs;
  if (first === undefined) throw unusable("it names no certificate: cert_file and key_file, or certs");
  const shared = sharedOptions(config);
  const contexts = pairs.map((pair) => namedContext(pair, shared));
  return {
    ...shared,
    ...pairOptions(first),
    requestCert: verify,
    rejectUnauthorized: verify,
    ...(contexts.length > 1 && { SNICallback: chooseBy(contexts) }),
  };
}

interface CertificatePair {
  readonly certFile: string;
  readonly keyFile: string;
}

interface NamedContext {
  readonly certificate: X509Certificate;
  readonly context: SecureContext;
}

function sharedOptions(config: TlsConfig): SecureContextOptions {
  const { caFile, verify, cipherSuites, curvePreferences, minVersion } = config;
  const ciphers = cipherSuites?.map((name) => CIPHER_SUITES.get(name)?.openssl ?? name);
  const curves = curvePreferences?.map((name) => CURVES.get(name) ?? name);
  return {
    honorCipherOrder: true,
    minVersion: minVersion ?? "TLSv1.2",
    // OpenSSL sends the authority along with the certificate when it knows it; nats-server does not.
    ...(caFile && verify && { ca: readPem(caFile) }),
    ...(ciphers && { ciphers: ciphers.join(":") }),
    ...(curves && { ecdhCurve: curves.join(":") }),
  };
}

function pairOptions({ certFile, keyFile }: CertificatePair): SecureContextOptions {
  return { cert: readPem(certFile), key: readPem(keyFile) };
}

function namedContext(pair: CertificatePair, shared: SecureContextOptions): NamedContext {
  const options = { ...shared, ...pairOptions(pair) };
  try {
    return {
      certificate: new X509Certificate(options.cert as Buffer), // read by pairOptions
      context: createSecureContext(options),
    };
  } catch (cause) {
    throw unusable(`${pair.certFile} with ${pair.keyFile}: ${(cause as Error).message}`, cause);
  }
}

/** The first certificate that has the name a client asks for; the very first when none has. */
function chooseBy([first, ...others]: readonly NamedContext[]): NonNullable<TlsOptions["SNICallback"]> {
  return (name, done) => {
    const found = [first, ...others].find((one) => one?.certificate.checkHost(name) !== undefined);
    done(null, (found ?? first)?.context);
  };
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unusable((cause as Error).message, cause);
  }
}

function unusable(reason: string, cause?: unknown) {
  return brokerError("TLS_UNUSABLE", `The tls block cannot be used: ${reason}`, { cause });
}
