import { randomBytes } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** Makes the encoded id begin with N, for server. Source: nats-io/nkeys `PrefixByteServer`. */
const SERVER_PREFIX = 13 << 3;
const KEY_BYTES = 32;

/**
 * Creates a server id: 56 characters in the form of a public nkey. Nothing signs with it, so it is random.
 *
 * Source: nats-io/nkeys `Encode`: base32 of prefix, key and CRC-16/XMODEM (little endian).
 */
export function createServerId(): string {
  const raw = Buffer.concat([Buffer.from([SERVER_PREFIX]), randomBytes(KEY_BYTES), Buffer.alloc(2)]);
  raw.writeUInt16LE(crc16(raw.subarray(0, KEY_BYTES + 1)), KEY_BYTES + 1);
  return base32(raw);
}

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}
