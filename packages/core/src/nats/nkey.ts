import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { coreError } from "../errors.js";

/** RFC 4648 base32, without padding. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** First byte of every seed. Source: github.com/nats-io/nkeys, strkey.go `PrefixByteSeed`. */
const SEED_PREFIX = 18 << 3;
/** Seed prefix and kind, 32 bytes of seed, checksum. */
const SEED_BYTES = 2 + 32 + 2;
/** ASN.1 header of an Ed25519 private key in PKCS #8. Source: RFC 8410, section 7. */
const PKCS8_HEADER = Buffer.from("302e020100300506032b657004220420", "hex");
/** Bytes in front of the key in an Ed25519 public key's SubjectPublicKeyInfo. Source: RFC 8410, section 4. */
const SPKI_HEADER_BYTES = 12;

/** A key pair that proves an identity to a server. */
export class Nkey {
  private readonly key: KeyObject;
  /** Such as `UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4`. */
  readonly publicKey: string;

  /**
   * @param seed - such as `SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY`.
   * @throws GanglionError `INVALID_CREDENTIALS`
   */
  constructor(seed: string) {
    const bytes = decodeBase32(seed);
    if (bytes.length !== SEED_BYTES || ((bytes[0] as number) & 0xf8) !== SEED_PREFIX) throw invalidSeed();
    if (crc16(bytes.subarray(0, SEED_BYTES - 2)) !== bytes.readUInt16LE(SEED_BYTES - 2)) throw invalidSeed();
    const kind = ((bytes.readUInt8(0) & 0b111) << 5) | (bytes.readUInt8(1) >> 3);
    const der = Buffer.concat([PKCS8_HEADER, bytes.subarray(2, SEED_BYTES - 2)]);
    this.key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const spki = createPublicKey(this.key).export({ format: "der", type: "spki" });
    this.publicKey = encodePublicKey(kind, spki.subarray(SPKI_HEADER_BYTES));
  }

  /** Signature of a server's nonce, as CONNECT carries it. */
  sign(nonce: string): string {
    return sign(null, Buffer.from(nonce), this.key).toString("base64url");
  }
}

function encodePublicKey(kind: number, key: Uint8Array): string {
  const body = Buffer.concat([Buffer.of(kind), key]);
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE(crc16(body));
  return encodeBase32(Buffer.concat([body, checksum]));
}

function invalidSeed() {
  return coreError(
    "INVALID_CREDENTIALS",
    "The nkey seed is damaged: it must be the 58 characters that begin with S",
  );
}

/** CRC-16/XMODEM. Source: github.com/nats-io/nkeys, crc16.go. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc;
}

function decodeBase32(text: string): Buffer {
  const out: number[] = [];
  let bits = 0;
  let value = 0;
  for (const char of text) {
    const digit = ALPHABET.indexOf(char);
    if (digit === -1) throw invalidSeed();
    value = ((value << 5) | digit) & 0xffff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out.push((value >> bits) & 0xff);
  }
  return Buffer.from(out);
}

function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31];
}
