import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

x509.cryptoProvider.set(webcrypto as unknown as typeof globalThis.crypto);

/** What a certificate says its owner is. */
export interface CertificateNames {
  /** Such as `CN=alice, O=Example`. */
  readonly subject: string;
  readonly alternatives?: readonly x509.JsonGeneralName[];
}

/** Paths of a certificate and its private key, both PEM. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** An authority that signs certificates for tests. They are made anew for each run and valid for a day. */
export class CertificateAuthority {
  private count = 0;

  private constructor(
    private readonly directory: string,
    private readonly keys: webcrypto.CryptoKeyPair,
    private readonly root: x509.X509Certificate,
  ) {
    writeFileSync(this.caFile, root.toString("pem"));
  }

  /** Path of its own certificate, PEM. */
  get caFile(): string {
    return join(this.directory, "ca.pem");
  }

  /** @param directory - where the files are put. */
  static async create(directory: string): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: "CN=Test authority",
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
    });
    return new CertificateAuthority(directory, keys, root);
  }

  /** Signs a certificate. It serves servers and clients. */
  async issue({ subject, alternatives = [] }: CertificateNames): Promise<CertificateFiles> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      subject,
      issuer: this.root.subject,
      signingAlgorithm: ALGORITHM,
      signingKey: this.keys.privateKey,
      publicKey: keys.publicKey,
      extensions: [new x509.SubjectAlternativeNameExtension([...alternatives])],
    });
    const name = join(this.directory, `certificate-${++this.count}`);
    const key = x509.PemConverter.encode(
      await webcrypto.subtle.exportKey("pkcs8", keys.privateKey),
      "PRIVATE KEY",
    );
    writeFileSync(`${name}.pem`, certificate.toString("pem"));
    writeFileSync(`${name}.key`, key);
    return { certFile: `${name}.pem`, keyFile: `${name}.key` };
  }

  /** A certificate for servers on this machine. */
  issueForLocalhost(): Promise<CertificateFiles> {
    const alternatives = [
      { type: "dns", value: "localhost" },
      { type: "ip", value: "127.0.0.1" },
    ] as const;
    return this.issue({ subject: "CN=localhost", alternatives });
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    "sign",
    "verify",
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

function validity() {
  return {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    serialNumber: webcrypto.randomUUID().replaceAll("-", ""),
  };
}
