import { readFileSync } from "node:fs";
import type { ConnectOptions } from "@ganglion/protocol";
import { coreError } from "../errors.js";
import { Nkey } from "./nkey.js";

/**
 * How to prove who connects. Functions are asked at every connect, so that tokens may be renewed; files are read
 * again too.
 */
export type Authentication =
  | { readonly token: string | (() => string) }
  | { readonly user: string; readonly password: string | (() => string) }
  | { readonly nkeySeed: string }
  /** Path of a `.creds` file: a user's JWT and seed. */
  | { readonly credentialsFile: string }
  /** Content of a `.creds` file. */
  | { readonly credentials: string };

/** The fields of CONNECT that authenticate. */
export type AuthenticationFields = Pick<
  Partial<ConnectOptions>,
  "auth_token" | "user" | "pass" | "nkey" | "sig" | "jwt"
>;

/**
 * The fields of CONNECT for one connect.
 *
 * @param nonce - what the server wants to have signed.
 * @throws GanglionError `INVALID_CREDENTIALS`
 */
export function authenticate(how: Authentication, nonce: string | undefined): AuthenticationFields {
  if ("token" in how) return { auth_token: currentValue(how.token) };
  if ("user" in how) return { user: how.user, pass: currentValue(how.password) };
  if ("nkeySeed" in how) {
    const nkey = new Nkey(how.nkeySeed);
    return { nkey: nkey.publicKey, sig: nkey.sign(nonce ?? "") };
  }
  const text = "credentials" in how ? how.credentials : readCredentials(how.credentialsFile);
  const { jwt, seed } = parseCredentials(text);
  return { jwt, sig: new Nkey(seed).sign(nonce ?? "") };
}

function currentValue(value: string | (() => string)): string {
  return typeof value === "function" ? value() : value;
}

function readCredentials(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw coreError("INVALID_CREDENTIALS", `The credentials file ${JSON.stringify(path)} cannot be read`, {
      cause,
      details: { path },
    });
  }
}

/** A line of at least three dashes around the name of a section. Source: nats.go, `credsFile` handling. */
const SECTION = /-{3,}[^\n]*-{3,}\r?\n\s*([A-Za-z0-9\-_.=]+)\s*\r?\n-{3,}[^\n]*-{3,}/g;

function parseCredentials(text: string): { readonly jwt: string; readonly seed: string } {
  const [jwt, seed] = [...text.matchAll(SECTION)].map((match) => match[1]);
  if (jwt === undefined || seed === undefined) {
    throw coreError(
      "INVALID_CREDENTIALS",
      "Credentials must hold a user JWT and an nkey seed, each between dashes",
    );
  }
  return { jwt, seed };
}
