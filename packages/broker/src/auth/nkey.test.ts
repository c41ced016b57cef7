import { nkeys } from "@nats-io/nats-core";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  createNkey,
  decodeNkey,
  decodeNkeySeed,
  decodeNkeySignature,
  encodeNkey,
  encodeNkeySeed,
  isNkey,
  type NkeyKind,
  signWithNkeySeed,
  verifyNkeySignature,
} from "./nkey.js";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("against the official library @nats-io/nkeys", () => {
  const {
    createAccount,
    createCluster,
    createCurve,
    createOperator,
    createServer,
    createUser,
    fromPublic,
    fromSeed,
  } = nkeys;
  const creators = {
    user: createUser,
    account: createAccount,
    operator: createOperator,
    server: createServer,
    cluster: createCluster,
    curve: createCurve,
  } satisfies Record<NkeyKind, unknown>;

  test.each(Object.entries(creators))(
    "keys and seeds of a %s are decoded and encoded the same",
    (kind, create) => {
      const pair = create();
      const publicKey = pair.getPublicKey();
      const seed = text(pair.getSeed());
      const key = decodeNkey(publicKey);
      const secret = decodeNkeySeed(seed);
      expect([key?.kind, secret?.kind]).toEqual([kind, kind]);
      expect(key && encodeNkey(key)).toBe(publicKey);
      expect(secret && encodeNkeySeed(secret)).toBe(seed);
    },
  );

  it("verifies its signatures, and it verifies ours", () => {
    const nonce = Buffer.from("AbCdEf0123456789");
    const theirs = createUser();
    const identity = { publicKey: theirs.getPublicKey(), kind: "user" } as const;
    expect(verifyNkeySignature(identity, nonce, theirs.sign(nonce))).toBe(true);
    expect(signWithNkeySeed(text(theirs.getSeed()), nonce)).toEqual(Buffer.from(theirs.sign(nonce)));
    const ours = createNkey("user");
    const signature = signWithNkeySeed(ours.seed, nonce) ?? Buffer.alloc(0);
    expect(fromPublic(ours.publicKey).verify(nonce, signature)).toBe(true);
    expect(fromSeed(Buffer.from(ours.seed)).getPublicKey()).toBe(ours.publicKey);
  });
});

describe("verifyNkeySignature", () => {
  const { seed, publicKey } = createNkey("user");
  const nonce = Buffer.from("nonce");
  const signature = signWithNkeySeed(seed, nonce) ?? Buffer.alloc(0);

  it("accepts the signature of the data by the key", () => {
    expect(verifyNkeySignature({ publicKey, kind: "user" }, nonce, signature)).toBe(true);
  });

  it("refuses other data, another key, another kind, a changed or a short signature", () => {
    const other = createNkey("user").publicKey;
    const account = createNkey("account");
    const accountSignature = signWithNkeySeed(account.seed, nonce) ?? Buffer.alloc(0);
    const changed = Buffer.from(signature);
    changed[7] = (changed[7] ?? 0) ^ 1;
    const user = { publicKey, kind: "user" } as const;
    expect(verifyNkeySignature(user, Buffer.from("nonc3"), signature)).toBe(false);
    expect(verifyNkeySignature({ publicKey: other, kind: "user" }, nonce, signature)).toBe(false);
    expect(verifyNkeySignature({ publicKey: account.publicKey, kind: "user" }, nonce, accountSignature)).toBe(
      false,
    );
    expect(verifyNkeySignature(user, nonce, changed)).toBe(false);
    expect(verifyNkeySignature(user, nonce, signature.subarray(1))).toBe(false);
    expect(verifyNkeySignature({ publicKey: "U", kind: "user" }, nonce, signature)).toBe(false);
  });
});

it("decodeNkey refuses every key with one character changed, added or removed", () => {
  const { publicKey } = createNkey("account");
  expect(isNkey(publicKey, "account")).toBe(true);
  expect(isNkey(publicKey, "user")).toBe(false);
  for (let i = 0; i < publicKey.length; i++) {
    const letter = publicKey[i] === "B" ? "C" : "B";
    expect(decodeNkey(publicKey.slice(0, i) + letter + publicKey.slice(i + 1))).toBeUndefined();
    expect(decodeNkey(publicKey.slice(0, i) + publicKey.slice(i + 1))).toBeUndefined();
    expect(decodeNkey(`${publicKey.slice(0, i)}A${publicKey.slice(i)}`)).toBeUndefined();
  }
  expect(decodeNkey(publicKey.toLowerCase())).toBeUndefined();
});

it("a seed is no public key and a public key no seed", () => {
  const { seed, publicKey } = createNkey("user");
  expect(decodeNkey(seed)).toBeUndefined();
  expect(decodeNkeySeed(publicKey)).toBeUndefined();
  expect(signWithNkeySeed(publicKey, Buffer.from("x"))).toBeUndefined();
});

it("any text is refused without an error", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."ABUSX234") })),
      (value) => {
        expect(decodeNkey(value)).toBeUndefined();
        expect(decodeNkeySeed(value)).toBeUndefined();
      },
    ),
  );
});

it("decodeNkeySignature reads base64url and base64, and nothing else", () => {
  const bytes = Buffer.from(Array.from({ length: 64 }, (_, i) => 255 - i));
  expect(decodeNkeySignature(bytes.toString("base64url"))).toEqual(bytes);
  expect(decodeNkeySignature(bytes.toString("base64"))).toEqual(bytes);
  for (const wrong of ["", "a b", "a*", "a=b", "\n"]) expect(decodeNkeySignature(wrong)).toBeUndefined();
});
