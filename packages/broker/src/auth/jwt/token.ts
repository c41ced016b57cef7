import { isNkey, type NkeyKind, verifyNkeySignature } from "../nkey.js";
import { type ClaimObject, claimObject, invalidJwt } from "./claim-object.js";

/** What every claim has. Times are seconds since 1970; 0: not given. */
export interface ClaimsData {
  /** Level of the format: in 1 type, tags and issuer_account are at the top, and the signature is for the claim alone. */
  readonly version: 1 | 2;
  readonly id: string;
  /** Public key of whom the claim is about. */
  readonly subject: string;
  /** Public key of whom has signed it. */
  readonly issuer: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly issuedAtS: number;
  readonly expiresAtS: number;
  readonly notBeforeS: number;
}

/** Kinds of claims that this broker reads. */
export type ClaimKind = "operator" | "account" | "user" | "activation";

/** Whose keys may sign a kind. Source: nats-io/jwt `ExpectedPrefixes`. */
const ISSUERS: Readonly<Record<ClaimKind, readonly Exclude<NkeyKind, "curve">[]>> = {
  operator: ["operator"],
  account: ["operator", "account"],
  user: ["account"],
  activation: ["operator", "account"],
};

/** Source: nats-io/jwt `MaxTokenSize`. */
const MAX_TOKEN_BYTES = 1024 * 1024;
const LATEST_VERSION = 2;

/** A token whose signature is right. Whether to trust its issuer is another question. */
export interface SignedToken {
  /** `ed25519` is what claims of version 1 are signed with. */
  readonly algorithm: "ed25519" | "ed25519-nkey";
  readonly claim: ClaimObject;
  /** The kind that the claim says it is; empty for generic claims. */
  readonly kind: string;
  readonly version: number;
  /** The part `nats`. */
  readonly nats: ClaimObject;
}

/**
 * Decodes a JWT of any kind and checks its signature.
 *
 * @throws GanglionError `INVALID_JWT`.
 * Source: nats-io/jwt decoder.go `Decode`, genericlaims.go `DecodeGeneric`.
 */
export function decodeToken(token: string): SignedToken {
  if (token.length > MAX_TOKEN_BYTES) throw invalidJwt(`it is larger than ${MAX_TOKEN_BYTES} bytes`);
  const parts = token.split(".");
  const [head = "", body = "", signature = ""] = parts;
  if (parts.length !== 3) throw invalidJwt(`it has ${parts.length} parts, not 3`);
  const header = claimObject(json(head, "the header"), "the header");
  if (header.text("typ").toUpperCase() !== "JWT") throw invalidJwt(`its type is "${header.text("typ")}"`);
  const algorithm = header.text("alg").toLowerCase();
  if (algorithm !== "ed25519" && algorithm !== "ed25519-nkey") {
    throw invalidJwt(`its algorithm is "${header.text("alg")}", not ed25519-nkey`);
  }
  const claim = claimObject(json(body, "the claim"));
  const nats = claim.object("nats");
  const ownKind = claim.text("type");
  const kind = ownKind === "" ? nats.text("type") : ownKind;
  const version = ownKind === "" ? nats.integer("version") : 1;
  if (version > LATEST_VERSION) throw invalidJwt(`its version ${version} is newer than ${LATEST_VERSION}`);
  const isFirst = Object.hasOwn(ISSUERS, kind) ? version <= 1 : algorithm === "ed25519";
  const signed = isFirst ? body : `${head}.${body}`;
  if (!isSigned(claim.text("iss"), signed, signature)) throw invalidJwt("its signature is wrong");
  return { algorithm, claim, kind, version, nats };
}

/**
 * Decodes a JWT of one kind.
 *
 * @throws GanglionError `INVALID_JWT` for another kind, or one that is signed by a key that must not.
 */
export function decodeClaims(token: string, kind: ClaimKind): SignedToken & { readonly data: ClaimsData } {
  const decoded = decodeToken(token);
  const { claim, nats, version } = decoded;
  if (decoded.kind !== kind) throw invalidJwt(`it is about ${decoded.kind || "nothing"}, not ${kind}`);
  if (version !== 1 && version !== LATEST_VERSION)
    throw invalidJwt(`its version is ${version}, not 1 or ${LATEST_VERSION}`);
  const issuer = claim.text("iss");
  if (!ISSUERS[kind].some((owner) => isNkey(issuer, owner))) {
    throw invalidJwt(`its kind ${kind} cannot be signed by ${issuer}`);
  }
  const data: ClaimsData = {
    version,
    id: claim.text("jti"),
    subject: claim.text("sub"),
    issuer,
    name: claim.text("name"),
    tags: (version === 1 ? claim : nats).texts("tags"),
    issuedAtS: claim.integer("iat"),
    expiresAtS: claim.integer("exp"),
    notBeforeS: claim.integer("nbf"),
  };
  return { ...decoded, data };
}

/** What is wrong with a claim at a time. Source: nats-io/jwt claims.go `ClaimsData.Validate`. */
export function timeFaults({ expiresAtS, notBeforeS }: ClaimsData, nowMs: number): readonly string[] {
  const nowS = Math.floor(nowMs / 1000);
  const faults: string[] = [];
  if (expiresAtS > 0 && nowS > expiresAtS) faults.push("claim is expired");
  if (notBeforeS > 0 && notBeforeS > nowS) faults.push("claim is not yet valid");
  return faults;
}

/**
 * Takes a JWT out of a file that may have lines around it, as those of nsc.
 *
 * Source: nats-io/jwt creds_utils.go `ParseDecoratedJWT`.
 */
export function undecorated(contents: string): string {
  const [, decorated] = /-{3,}[^\n]*-{3,}\r?\n\s*([\w\-.=]+)\s*\r?\n-{3,}/.exec(contents) ?? [];
  return (decorated ?? contents).trim();
}

function json(part: string, what: string): unknown {
  if (!/^[\w-]+$/.test(part)) throw invalidJwt(`${what} is not base64url`);
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch (cause) {
    throw invalidJwt(`${what} is not JSON`, cause);
  }
}

const SIGNING_KINDS = ["operator", "account", "user", "server"] as const;

function isSigned(issuer: string, signed: string, signature: string): boolean {
  const kind = SIGNING_KINDS.find((owner) => isNkey(issuer, owner));
  if (kind === undefined) return false;
  return verifyNkeySignature(
    { publicKey: issuer, kind },
    Buffer.from(signed),
    Buffer.from(signature, "base64url"),
  );
}
