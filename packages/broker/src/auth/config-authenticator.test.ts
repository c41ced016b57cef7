import { type ConnectOptions, DEFAULT_CONNECT_OPTIONS } from "@ganglion/protocol";
import { hash } from "@node-rs/bcrypt";
import { describe, expect, it } from "vitest";
import { readConfig } from "../config/load-config.js";
import { parseConfig } from "../config/parser.js";
import type { AuthContext } from "./async-authenticator.js";
import { ConfigAuthenticator, clientUsers, webSocketUsers } from "./config-authenticator.js";
import { createNkey, signWithNkeySeed } from "./nkey.js";

const KEY = createNkey("user");
const OTHER = createNkey("user");
const NONCE = Buffer.from("bm9uY2Vub25jZQ");
const HASHED = await hash("s3cret", { cost: 4 });

function brokerConfig(text: string) {
  const env = { NKEY: KEY.publicKey, HASHED: `"${HASHED}"` };
  return readConfig(parseConfig({ text, file: "f" }, { readFile: () => "", env })).config;
}

/** What becomes of a CONNECT with these options. */
function login(text: string, options: Partial<ConnectOptions>, context: Partial<AuthContext> = {}) {
  const authenticator = new ConfigAuthenticator(clientUsers(brokerConfig(text)));
  const connect = { ...DEFAULT_CONNECT_OPTIONS, ...options };
  return authenticator.authenticate(connect, { nonce: NONCE, connectionType: "STANDARD", ...context });
}

function signed(seed: string, data: Uint8Array = NONCE): string {
  return signWithNkeySeed(seed, data)?.toString("base64url") ?? "";
}

const accepted = (userName: string, accountName = "$G") => ({ accepted: true, userName, accountName });
const refused = (reason: string) => ({ accepted: false, reason });

describe("without users", () => {
  it("everybody may connect", async () => {
    const { required, needsNonce } = new ConfigAuthenticator(clientUsers(brokerConfig("accounts { A {} }")));
    expect([required, needsNonce]).toEqual([false, false]);
    expect(await login("port: 1", {})).toEqual(accepted(""));
    expect(await login("port: 1", { user: "x", pass: "y" })).toEqual(accepted("x"));
  });

  it("but with an empty list of them nobody", async () => {
    const text = "authorization { users: [] }";
    expect(new ConfigAuthenticator(clientUsers(brokerConfig(text))).required).toBe(true);
    expect(await login(text, { user: "a" })).toEqual(refused("unknown user"));
  });
});

describe("one user or token", () => {
  it("is let in with the password, plain or hashed", async () => {
    for (const password of ["s3cret", "$HASHED"]) {
      const text = `authorization { user: a, pass: ${password} }`;
      expect(await login(text, { user: "a", pass: "s3cret" })).toEqual(accepted("a"));
      expect(await login(text, { user: "a", pass: "other" })).toEqual(refused("wrong password"));
      expect(await login(text, { user: "b", pass: "s3cret" })).toEqual(refused("unknown user"));
      expect(await login(text, {})).toEqual(refused("unknown user"));
    }
  });

  it("is let in with the token, plain or hashed", async () => {
    for (const token of ["s3cret", "$HASHED"]) {
      const text = `authorization { token: ${token} }`;
      expect(await login(text, { auth_token: "s3cret" })).toEqual(accepted(""));
      expect(await login(text, { auth_token: "other" })).toEqual(refused("wrong token"));
      expect(await login(text, { user: "s3cret" })).toEqual(refused("wrong token"));
    }
  });
});

describe("several users", () => {
  const text = `
    authorization { users: [
      { user: a, password: pa, permissions { publish: x } }
      { user: b, password: $HASHED, connection_types: [WEBSOCKET] }
      { user: c }
      { user: d, proxy_required: true } ] }
    accounts { A { users: [{ user: e, password: pe }, { nkey: $NKEY, permissions { subscribe: y } }] } }`;

  it("get their account and permissions", async () => {
    expect(await login(text, { user: "a", pass: "pa" })).toEqual({
      ...accepted("a"),
      permissions: { publish: { allow: ["x"] } },
    });
    expect(await login(text, { user: "e", pass: "pe" })).toEqual(accepted("e", "A"));
    expect(await login(text, { user: "c" })).toEqual(accepted("c"));
  });

  it("are refused with another password, type of connection or without a proxy", async () => {
    expect(await login(text, { user: "a", pass: "pe" })).toEqual(refused("wrong password"));
    expect(await login(text, { user: "c", pass: "x" })).toEqual(refused("wrong password"));
    expect(await login(text, { user: "x" })).toEqual(refused("unknown user"));
    expect(await login(text, {})).toEqual(refused("unknown user"));
    const webSocket = { user: "b", pass: "s3cret" };
    expect(await login(text, webSocket)).toEqual(
      refused("connection type STANDARD is not allowed for the user"),
    );
    expect(await login(text, webSocket, { connectionType: "WEBSOCKET" })).toEqual(accepted("b"));
    expect(await login(text, { user: "d" })).toEqual(refused("the user must come through a trusted proxy"));
  });

  it("need a certificate instead of a password where another listener takes users from them", async () => {
    const withTls = `${text}\nwebsocket { tls { verify_and_map: true } }`;
    expect(await login(withTls, { user: "c" })).toEqual(refused("the user must bring a certificate"));
    expect(await login(withTls, { user: "e", pass: "pe" })).toEqual(accepted("e", "A"));
  });

  it("with an nkey sign the nonce", async () => {
    expect(new ConfigAuthenticator(clientUsers(brokerConfig(text))).needsNonce).toBe(true);
    const nkey = KEY.publicKey;
    expect(await login(text, { nkey, sig: signed(KEY.seed) })).toEqual({
      ...accepted(nkey, "A"),
      permissions: { subscribe: { allow: ["y"] } },
    });
    const padded = Buffer.from(signed(KEY.seed), "base64url").toString("base64");
    expect(await login(text, { nkey, sig: padded })).toMatchObject({ accepted: true });
    expect(await login(text, { nkey })).toEqual(refused("signature missing"));
    expect(await login(text, { nkey, sig: "*" })).toEqual(refused("signature not valid base64"));
    expect(await login(text, { nkey, sig: signed(OTHER.seed) })).toEqual(refused("signature not verified"));
    const replayed = signed(KEY.seed, Buffer.from("another nonce"));
    expect(await login(text, { nkey, sig: replayed })).toEqual(refused("signature not verified"));
    expect(await login(text, { nkey: OTHER.publicKey, sig: signed(OTHER.seed) })).toEqual(
      refused("unknown nkey"),
    );
    const authenticator = new ConfigAuthenticator(clientUsers(brokerConfig(text)));
    const connect = { ...DEFAULT_CONNECT_OPTIONS, nkey, sig: signed(KEY.seed) };
    expect(await authenticator.authenticate(connect, { connectionType: "STANDARD" })).toEqual(
      refused("no nonce was sent to sign"),
    );
  });
});

describe("verify_and_map", () => {
  const text = `tls { verify_and_map: true }, no_auth_user: b
    accounts { A { users: [{ user: "a@x" }, { user: b, password: pb }, { user: "CN=c", connection_types: [MQTT] }] } }`;
  const peer = (...emails: string[]) => ({ tlsPeer: { emails, dnsNames: [], uris: [] } });

  it("takes the user from the certificate, whatever CONNECT says", async () => {
    expect(await login(text, {}, peer("z@x", "a@x"))).toEqual(accepted("a@x", "A"));
    expect(await login(text, { user: "b" }, peer("a@x"))).toEqual(accepted("a@x", "A"));
    expect(await login(text, { pass: "pb" }, peer("b"))).toEqual(accepted("b", "A"));
  });

  it("refuses who shows none, one that stands for nobody, or not also the password", async () => {
    expect(await login(text, {})).toEqual(refused("no certificate was shown"));
    expect(await login(text, { user: "b", pass: "pb" })).toEqual(refused("no certificate was shown"));
    expect(await login(text, {}, peer("z@x"))).toEqual(refused("the certificate stands for no user"));
    expect(await login(text, {}, peer("CN=c"))).toEqual(refused("the certificate stands for no user"));
    expect(await login(text, {}, peer("b"))).toEqual(refused("wrong password"));
  });

  it("asks for no certificate where an nkey is the credential", async () => {
    const withKey = `tls { verify_and_map: true }, no_auth_user: $NKEY
      authorization { users: [{ user: a }, { nkey: $NKEY }] }`;
    expect(await login(withKey, { nkey: KEY.publicKey, sig: signed(KEY.seed) })).toEqual(
      accepted(KEY.publicKey),
    );
    expect(await login(withKey, {})).toEqual(accepted(KEY.publicKey));
  });
});

describe("no_auth_user", () => {
  const users = "accounts { A { users: [{ user: a, password: $HASHED }, { nkey: $NKEY }] } }";

  it("stands for connections without credentials, by name or nkey", async () => {
    expect(await login(`no_auth_user: a\n${users}`, {})).toEqual(accepted("a", "A"));
    expect(await login(`no_auth_user: ${KEY.publicKey}\n${users}`, {})).toEqual(accepted(KEY.publicKey, "A"));
  });

  it("does not stand for wrong credentials", async () => {
    const text = `no_auth_user: a\n${users}`;
    expect(await login(text, { user: "a" })).toEqual(refused("wrong password"));
    expect(await login(text, { pass: "x" })).toEqual(refused("unknown user"));
    expect(await login(text, { auth_token: "x" })).toEqual(refused("unknown user"));
    expect(await login(text, { nkey: KEY.publicKey })).toEqual(refused("signature missing"));
    expect(await login(`no_auth_user: x\n${users}`, {})).toEqual(refused('no_auth_user "x" is not defined'));
  });
});

describe("the WebSocket listener", () => {
  const users = (text: string) => webSocketUsers(brokerConfig(text));

  it("has the broker's users when it has none of its own", () => {
    const text = "authorization { user: a, pass: b }\nno_auth_user: n\nwebsocket { port: 1 }";
    expect(users(text)).toEqual(clientUsers(brokerConfig(text)));
    const mapped = users("tls { verify_and_map: true }, websocket { port: 1 }");
    expect([mapped.byCertificate, mapped.mapsCertificates]).toEqual([false, true]);
  });

  it("has its own user, token or no_auth_user instead", () => {
    const broker = "authorization { token: t, timeout: 1 }\nno_auth_user: n";
    expect(users(`${broker}\nwebsocket { authorization { user: a, pass: b } }`)).toEqual({
      authorization: { user: "a", password: "b" },
      mapsCertificates: false,
      byCertificate: false,
    });
    expect(
      users("authorization { users: [{ user: u }] }\nno_auth_user: n\nwebsocket { no_auth_user: u }"),
    ).toEqual({
      authorization: { users: [{ user: "u" }] },
      noAuthUser: "u",
      mapsCertificates: false,
      byCertificate: false,
    });
  });
});
