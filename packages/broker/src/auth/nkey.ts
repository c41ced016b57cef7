import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from "node:crypto";
import { crc16, decodeBase32, encodeBase32 } from "./nkey-encoding.js";

/**
 * First byte of an encoded public key. The high five bits become the first letter.
 *
 * Source: nats-io/nkeys `PrefixByte…`.
 */
const PREFIXES = {
  server: 13 << 3, // N
  cluster: 2 << 3, // C
  operator: 14 << 3, // O
  account: 0, // A
  user: 20 << 3, // U
  curve: 23 << 3, // X
} as const;

/** Whom a key belongs to. A `curve` key encrypts, all others sign. */
export type NkeyKind = keyof typeof PREFIXES;

/** A key and whom it belongs to. */
export interface DecodedNkey {
  readonly kind: NkeyKind;
  /** 32 bytes: of an ed25519 public key, of its seed, or of an x25519 key. */
  readonly key: Buffer;
}

const SEED_PREFIX = 18 << 3; // S
const KEY_BYTES = 32;
const CRC_BYTES = 2;
const SIGNATURE_BYTES = 64;

/** DER in front of a raw ed25519 key. Source: RFC 8410. */
const SPKI_HEADER = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_HEADER = Buffer.from("302e020100300506032b657004220420", "hex");

function kindOf(prefix: number): NkeyKind | undefined {
  return (Object.keys(PREFIXES) as NkeyKind[]).find((kind) => PREFIXES[kind] === prefix);
}

function withChecksum(head: readonly number[], key: Uint8Array): string {
  const raw = Buffer.concat([Buffer.from(head), key, Buffer.alloc(CRC_BYTES)]);
  raw.writeUInt16LE(crc16(raw.subarray(0, -CRC_BYTES)), raw.length - CRC_BYTES);
  return encodeBase32(raw);
}

/** The bytes in front of the checksum, undefined when it does not fit or the length is another. */
function checked(text: string, sizeBytes: number): Buffer | undefined {
  const raw = decodeBase32(text);
  if (raw?.length !== sizeBytes + CRC_BYTES) return undefined;
  const body = raw.subarray(0, sizeBytes);
  return raw.readUInt16LE(sizeBytes) === crc16(body) ? body : undefined;
}

/**
 * Encodes a public key: base32 of prefix, key and CRC-16 (little endian), 56 characters.
 *
 * @param key - 32 bytes.
 */
export function encodeNkey({ kind, key }: DecodedNkey): string {
  return withChecksum([PREFIXES[kind]], key);
}

/** Decodes a public key. @returns undefined when it is none: wrong letter, length or checksum. */
export function decodeNkey(text: string): DecodedNkey | undefined {
  const body = checked(text, KEY_BYTES + 1);
  const kind = body && kindOf(body[0] ?? -1);
  return kind === undefined ? undefined : { kind, key: body?.subarray(1) ?? Buffer.alloc(0) };
}

/** Whether `text` is the public key of a `kind`. */
export function isNkey(text: string, kind: NkeyKind): boolean {
  return decodeNkey(text)?.kind === kind;
}

/** Encodes a seed, 58 characters: its two prefix bytes hold the S and the kind. */
export function encodeNkeySeed({ kind, key }: DecodedNkey): string {
  const prefix = PREFIXES[kind];
  return withChecksum([SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3], key);
}

/** Decodes a seed. @returns undefined when it is none. */
export function decodeNkeySeed(text: string): DecodedNkey | undefined {
  const body = checked(text, KEY_BYTES + 2);
  const [first = 0, second = 0] = body ?? [];
  if (body === undefined || (first & 0xf8) !== SEED_PREFIX) return undefined;
  const kind = kindOf(((first & 7) << 5) | (second >> 3));
  return kind === undefined ? undefined : { kind, key: body.subarray(2) };
}

/** Creates a key pair. @returns its seed and its public key, both encoded. */
export function createNkey(kind: Exclude<NkeyKind, "curve">): { seed: string; publicKey: string } {
  const key = randomBytes(KEY_BYTES);
  return { seed: encodeNkeySeed({ kind, key }), publicKey: encodeNkey({ kind, key: publicKeyOf(key) }) };
}

function publicKeyOf(seed: Uint8Array): Buffer {
  const der = createPublicKey(privateKey(seed)).export({ format: "der", type: "spki" });
  return der.subarray(SPKI_HEADER.length);
}

function privateKey(seed: Uint8Array) {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, seed]), format: "der", type: "pkcs8" });
}

/** Signs `data` as the owner of `seed` does. @returns 64 bytes, undefined when the seed cannot sign. */
export function signWithNkeySeed(seed: string, data: Uint8Array): Buffer | undefined {
  const decoded = decodeNkeySeed(seed);
  if (decoded === undefined || decoded.kind === "curve") return undefined;
  return sign(null, data, privateKey(decoded.key));
}

/** Whether the owner of `publicKey`, which must be of a `kind`, signed `data`. */
export function verifyNkeySignature(
  { publicKey, kind }: { readonly publicKey: string; readonly kind: Exclude<NkeyKind, "curve"> },
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const decoded = decodeNkey(publicKey);
  if (decoded?.kind !== kind || signature.length !== SIGNATURE_BYTES) return false;
  const key = createPublicKey({
    key: Buffer.concat([SPKI_HEADER, decoded.key]),
    format: "der",
    type: "spki",
  });
  return verify(null, data, key, signature);
}

/**
 * Decodes the signature of a CONNECT: base64url without padding, or base64 as old clients send it.
 *
 * Source: nats-server auth.go `processClientOrLeafAuthentication`.
 *
 * @returns undefined when it is neither.
 */
export function decodeNkeySignature(text: string): Buffer | undefined {
  const isEncoded = /^[A-Za-z0-9_-]+$/.test(text) || /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  return isEncoded ? Buffer.from(text, "base64") : undefined;
}

/**
 * Checks the signature of a CONNECT.
 *
 * @param claim - the user's public key, its signature as sent, and the nonce it had to sign.
 * @returns what is wrong with it, undefined when the client has the private key.
 */
export function nkeySignatureFault(claim: {
  readonly publicKey: string;
  readonly signature: string;
  readonly nonce: Uint8Array | undefined;
}): string | undefined {
  if (claim.nonce === undefined) return "no nonce was sent to sign";
  if (claim.signature === "") return "signature missing";
  const signature = decodeNkeySignature(claim.signature);
  if (signature === undefined) return "signature not valid base64";
  const isSigned = verifyNkeySignature({ publicKey: claim.publicKey, kind: "user" }, claim.nonce, signature);
  return isSigned ? undefined : "signature not verified";
}
