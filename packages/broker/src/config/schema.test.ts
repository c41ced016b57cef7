import { isGanglionError } from "@ganglion/kernel";
import { describe, expect, expectTypeOf, it, test } from "vitest";
import { createNkey } from "../auth/nkey.js";
import { faultsOf, formatFault } from "./fault.js";
import { type LoadedConfig, readConfig } from "./load-config.js";
import { parseConfig } from "./parser.js";
import type { BrokerConfig } from "./schema.js";

function load(text: string): LoadedConfig {
  return readConfig(parseConfig({ text, file: "f" }, { readFile: () => "", env: {} }));
}

function config(text: string): BrokerConfig {
  return load(text).config;
}

/** The faults of a text, or its warnings when it has no faults. */
function findings(text: string): readonly string[] {
  try {
    return load(text).warnings.map(formatFault);
  } catch (error) {
    if (!isGanglionError(error, "INVALID_CONFIG")) throw error;
    return faultsOf(error).map(formatFault);
  }
}

const USER = createNkey("user");
const ACCOUNT = createNkey("account").publicKey;
const OPERATOR = createNkey("operator").publicKey;

describe("the top level", () => {
  it("reads every option under its name, with its unit", () => {
    const text = `
      listen: "127.0.0.1:4333", client_advertise: "a:1", server_name: s1
      max_connections: 10, max_payload: 2MB, max_pending: 10MB, max_control_line: 2k, max_subscriptions: 5
      max_sub_tokens: 8, max_closed_clients: 9, ping_interval: "30s", ping_max: 3, write_deadline: "5s"
      write_timeout: close, lame_duck_duration: "1m30s", lame_duck_grace_period: "5s", allow_non_tls: true
      no_fast_producer_stall: yes, no_header_support: on, disable_sublist_cache: true, proxy_protocol: true
      http: "0.0.0.0:8222", https_port: 8223, http_base_path: "/m", prof_port: 1, prof_block_rate: 2
      debug: true, trace: false, trace_verbose: true, logtime: false, logtime_utc: true, log_file: "l"
      log_size_limit: 1MB, log_max_num: 3, syslog: true, remote_syslog: "u", pid_file: p, ports_file_dir: d
      max_traced_msg_len: 80, connect_error_reports: 1, reconnect_error_reports: 2, no_system_account: true
      system_account: SYS, no_auth_user: u, default_sentinel: j, store_dir: s
      server_tags: [a, b], server_metadata: { k: v }, feature_flags: { f: true }, default_js_domain: { A: d }`;
    expect(config(text)).toEqual({
      host: "127.0.0.1",
      port: 4333,
      clientAdvertise: "a:1",
      serverName: "s1",
      maxConnections: 10,
      maxPayloadBytes: 2 * 1024 ** 2,
      maxPendingBytes: 10 * 1024 ** 2,
      maxControlLineBytes: 2000,
      maxSubscriptions: 5,
      maxSubscriptionTokens: 8,
      maxClosedClients: 9,
      pingIntervalMs: 30_000,
      maxPingsOut: 3,
      writeDeadlineMs: 5000,
      writeTimeout: "close",
      lameDuckDurationMs: 90_000,
      lameDuckGracePeriodMs: 5000,
      allowNonTls: true,
      noFastProducerStall: true,
      noHeaderSupport: true,
      noSublistCache: true,
      proxyProtocol: true,
      httpHost: "0.0.0.0",
      httpPort: 8222,
      httpsPort: 8223,
      httpBasePath: "/m",
      profPort: 1,
      profBlockRate: 2,
      debug: true,
      trace: true,
      traceVerbose: true,
      logTime: false,
      logTimeUtc: true,
      logFile: "l",
      logSizeLimitBytes: 1024 ** 2,
      logMaxFiles: 3,
      syslog: true,
      remoteSyslog: "u",
      pidFile: "p",
      portsFileDir: "d",
      maxTracedMessageBytes: 80,
      connectErrorReports: 1,
      reconnectErrorReports: 2,
      noSystemAccount: true,
      systemAccount: "SYS",
      noAuthUser: "u",
      defaultSentinel: "j",
      storeDir: "s",
      serverTags: ["a", "b"],
      serverMetadata: new Map([["k", "v"]]),
      featureFlags: new Map([["f", true]]),
      defaultJetStreamDomain: new Map([["A", "d"]]),
    });
  });

  test.each([
    ["net: h", { host: "h" }],
    ["HOST: h", { host: "h" }],
    ["max_conn: 1", { maxConnections: 1 }],
    ["max_subs: 1", { maxSubscriptions: 1 }],
    ["max_subscription_tokens: 1", { maxSubscriptionTokens: 1 }],
    ["monitor_port: 1", { httpPort: 1 }],
    ["logfile: l", { logFile: "l" }],
    ["logfile_size_limit: 1", { logSizeLimitBytes: 1 }],
    ["logfile_max_num: 1", { logMaxFiles: 1 }],
    ["pidfile: p", { pidFile: "p" }],
    ["storedir: s", { storeDir: "s" }],
    ["system: S", { systemAccount: "S" }],
    ["no_system: true", { noSystemAccount: true }],
    ["no_sys_acc: true", { noSystemAccount: true }],
    ["server_tags: a", { serverTags: ["a"] }],
    ["listen: 4333", { port: 4333 }],
    ['listen: ":4333"', { port: 4333 }],
    ['listen: "[::1]:4333"', { host: "::1", port: 4333 }],
    ["listen: 4333, host: h", { host: "h", port: 4333 }],
    ["port: -1", { port: -1 }],
    ["port: 0", {}],
    ["max_payload: 0, ping_interval: 0s", {}],
    ["https: 4333", { httpsPort: 4333 }],
  ])("%j", (text, expected) => expect(config(text)).toEqual(expected));

  test.each([
    ["foo: 1", 'f:1:1: unknown field "foo"'],
    ["port: x", 'f:1:1: port must be an integer, not the string "x"'],
    ["port: 65536", "f:1:1: port must be from -1 to 65535, not 65536"],
    ["host: 1", "f:1:1: host must be a string, not the integer 1; quote it"],
    ['debug: "true"', 'f:1:1: debug must be true or false (yes, no, on, off), not the string "true"'],
    ['listen: "a:b:1"', 'f:1:1: listen must be a port or "host:port", not the string "a:b:1"'],
    ['listen: "a"', 'f:1:1: listen must be a port or "host:port", not the string "a"'],
    ['listen: "a:70000"', 'f:1:1: listen must be a port or "host:port", not the string "a:70000"'],
    ['server_name: "a b"', 'f:1:1: server_name must not have spaces, as "a b" has'],
    ["max_payload: 3GB", "f:1:1: max_payload must be from 0 to 2147483647, not 3221225472"],
    ["max_sub_tokens: 256", "f:1:1: max_sub_tokens must be from 1 to 255, not 256"],
    ["ping_interval: 5x", 'f:1:1: ping_interval must be a duration such as "2m", not the string "5x"'],
    ["ping_interval: 5", 'f:1:1: ping_interval should be a duration: "5s"'],
    ["lame_duck_duration: 29s", 'f:1:1: lame_duck_duration must be at least 30 s, not the string "29s"'],
    [
      "lame_duck_grace_period: '-1s'",
      'f:1:1: lame_duck_grace_period must be at least 0 s, not the string "-1s"',
    ],
    [
      "write_timeout: x",
      'f:1:1: write_timeout must be one of "default", "close", "retry", not the string "x"',
    ],
    ["server_tags: [a, 1]", "f:1:18: server_tags must be a string, not the integer 1; quote it"],
    ["server_metadata: [a]", "f:1:1: server_metadata must be a map { … }, not a list"],
    ["mqtt { port: 1 }", 'f:1:1: "mqtt" is not supported: it is out of scope of this broker'],
    ["constructor: 1", 'f:1:1: unknown field "constructor"'],
    ["trusted: [x]", 'f:1:11: trusted must be the public nkey of an operator, not "x"'],
    ["store_dir: a, jetstream { store_dir: b }", "f:1:1: store_dir is given at the top and in jetstream"],
    ["# nothing", "f:1:1: the configuration is empty"],
  ])("%j", (text, expected) => expect(findings(text)).toEqual([expected]));

  it("tells all faults at once, in the order of the file", () => {
    expect(findings("foo: 1\nport: x\ncluster { bar: 1, port: true }\ndebug: 1")).toEqual([
      'f:1:1: unknown field "foo"',
      'f:2:1: port must be an integer, not the string "x"',
      'f:3:11: unknown field "bar"',
      "f:3:19: port must be an integer, not the boolean true",
      "f:4:1: debug must be true or false (yes, no, on, off), not the integer 1",
    ]);
  });

  it("takes an unknown key as a variable when something refers to it", () => {
    expect(config("P = 4333\nport: $P")).toEqual({ port: 4333 });
    expect(findings("P = x\nport: $P")).toEqual(['f:2:1: port must be an integer, not the string "x"']);
  });

  it("gives a frozen value", () => {
    const { config: frozen } = load(
      "cluster { routes: ['nats://a:1'] }\nauthorization { users: [{user: a}] }",
    );
    const { cluster, authorization } = frozen;
    for (const value of [frozen, cluster, cluster?.routes, authorization, authorization?.users?.[0]]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
  });

  it("gives every option its type", () => {
    expectTypeOf<BrokerConfig["maxPayloadBytes"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<NonNullable<BrokerConfig["jetstream"]>["enabled"]>().toEqualTypeOf<boolean>();
    expectTypeOf<NonNullable<BrokerConfig["tls"]>["minVersion"]>().toEqualTypeOf<
      "TLSv1.2" | "TLSv1.3" | undefined
    >();
    expectTypeOf<BrokerConfig>().not.toHaveProperty("listen");
  });
});

describe("authorization", () => {
  it("reads a user, a token or several users", () => {
    expect(config("authorization { user: a, pass: b, timeout: 1.5 }").authorization).toEqual({
      user: "a",
      password: "b",
      timeoutMs: 1500,
    });
    expect(config('authorization { token: t, timeout: "500ms" }').authorization).toEqual({
      token: "t",
      timeoutMs: 500,
    });
    const { users } =
      config(`authorization { users: [
      { username: a, password: $2a$11$xxxxxxxxxxxxxxxxxxxxxx, connection_types: [websocket, STANDARD] }
      { nkey: ${USER.publicKey}, proxy_required: true } ] }`).authorization ?? {};
    expect(users).toEqual([
      { user: "a", password: "$2a$11$xxxxxxxxxxxxxxxxxxxxxx", connectionTypes: ["WEBSOCKET", "STANDARD"] },
      { nkey: USER.publicKey, proxyRequired: true },
    ]);
  });

  it("reads permissions in all their forms, and gives the default ones to users without", () => {
    const { users } =
      config(`authorization {
      default_permissions { publish: "p.>", subscribe: [a, "b q"] }
      users: [
        { user: a }
        { user: b, permissions { pub { allow: x, deny: [x.y] }, sub { deny: ">" }, allow_responses: true } }
        { user: c, permission { allow_responses { max: -1, ttl: "5s" } } }
        { user: d, authorization { allow_responses { max: 0, expires: "-1s" } } }
        { user: e, permissions { allow_responses: false } } ] }`).authorization ?? {};
    expect(users).toEqual([
      { user: "a", permissions: { publish: { allow: ["p.>"] }, subscribe: { allow: ["a", "b q"] } } },
      {
        user: "b",
        permissions: {
          publish: { allow: ["x"], deny: ["x.y"] },
          subscribe: { deny: [">"] },
          responses: { max: 1, expiresMs: 120_000 },
        },
      },
      { user: "c", permissions: { responses: { max: -1, expiresMs: 5000 } } },
      { user: "d", permissions: { responses: { max: 1, expiresMs: Number.POSITIVE_INFINITY } } },
      { user: "e", permissions: {} },
    ]);
  });

  it("reads auth_callout", () => {
    const { authCallout } =
      config(
        `accounts { A {} }\nauthorization { auth_callout { issuer: ${ACCOUNT}, auth_users: [a], allowed_accounts: [A] } }`,
      ).authorization ?? {};
    expect(authCallout).toEqual({ account: "$G", issuer: ACCOUNT, authUsers: ["a"], allowedAccounts: ["A"] });
  });

  test.each([
    ["user: a, pass: b, token: t", "f:1:35: a user or password and a token exclude each other"],
    ["user: a, users: []", "f:1:26: a single user and a list of users exclude each other"],
    ["token: a, users: [{user: a}]", "f:1:27: a token and a list of users exclude each other"],
    ["users: [{user: a}, {user: a}]", 'f:1:1: user "a" is defined twice'],
    ["users: [{pass: a}]", "f:1:25: a user needs a user name or an nkey"],
    [
      `users: [{nkey: ${USER.publicKey}, pass: a}]`,
      "f:1:25: a user with an nkey takes no user name or password",
    ],
    ["users: [{user: a, x: 1}]", 'f:1:35: unknown field "x"'],
    ["users: {user: a}", "f:1:17: users must be a list [ … ], not a map"],
    ["users: [a]", "f:1:25: users must be a map { … }, not a string"],
    ["user: a, pass: 123", "f:1:26: pass must be a string, not an integer; quote it"],
    ["timeout: 1m", 'f:1:17: timeout is 1000000 s; a duration must be in quotes: "1m"'],
    ["timeout: true", "f:1:17: timeout must be a number of seconds or a duration, not the boolean true"],
    ["users: [{user: a, permissions: {publish: 'a b'}}]", 'f:1:49: "a b" is not a valid subject'],
    [
      "users: [{user: a, permissions: {subscribe: 'a b c'}}]",
      'f:1:49: "a b c" is not a valid subject, nor a subject and a queue',
    ],
    [
      "users: [{user: a, permissions: {publish: {allow: []}}}]",
      "f:1:49: publish has an empty allow list: that allows everything",
    ],
    ["users: [{user: a, permissions: {publish: {no: a}}}]", 'f:1:59: unknown field "no"'],
    [
      "users: [{user: a, permissions: {publish: 1}}]",
      "f:1:49: publish must be a subject, a list of subjects, or a map of allow and deny, not the integer 1",
    ],
    [
      "users: [{user: a, permissions: {allow_responses: 1}}]",
      "f:1:49: allow_responses must be a boolean, or a map of max and expires, not the integer 1",
    ],
    ["auth_callout { auth_users: [a] }", "f:1:17: auth_callout needs an issuer"],
    [`auth_callout { issuer: ${ACCOUNT} }`, "f:1:17: auth_callout needs auth_users"],
    [
      `auth_callout { issuer: ${ACCOUNT}, auth_users: [a], allowed_accounts: [B] }`,
      'f:1:1: account "B" of auth_callout is not defined',
    ],
  ])("%j", (text, expected) => expect(findings(`authorization { ${text} }`)).toEqual([expected]));

  it("never shows a password or a token in a fault", () => {
    const text = `authorization { pass: 12345, token: [54321] }
      jetstream { key: 12345 }
      leafnodes { remotes: [{ url: "nats //u:12345@h", nkey: "SU12345" }] }
      cluster { routes: ["12345"] }`;
    expect(findings(text)).toHaveLength(6);
    expect(findings(text).join()).not.toMatch(/12345|54321/);
  });
});

describe("tls", () => {
  it("reads every option", () => {
    const pin = "A".repeat(64);
    const { tls } = config(`tls {
      cert_file: c, key_file: k, ca_file: a, verify_and_map: true, insecure: false, timeout: 3
      cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA], allow_insecure_cipher_suites: true
      curve_preferences: [CurveP256], connection_rate_limit: 5, pinned_certs: [${pin}]
      handshake_first: "300ms", min_version: "1.3" }`);
    expect(tls).toEqual({
      certFile: "c",
      keyFile: "k",
      caFile: "a",
      verify: true,
      verifyAndMap: true,
      insecure: false,
      timeoutMs: 3000,
      cipherSuites: ["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"],
      allowInsecureCipherSuites: true,
      curvePreferences: ["CurveP256"],
      connectionRateLimit: 5,
      pinnedCerts: [pin.toLowerCase()],
      handshakeFirst: { first: true, fallbackMs: 300 },
      minVersion: "TLSv1.3",
    });
    expect(config("tls { certs: [{ cert_file: c, key_file: k }] }").tls?.certificates).toEqual([
      { certFile: "c", keyFile: "k" },
    ]);
  });

  test.each([
    ["true", { first: true }],
    ['"off"', { first: false }],
    ["auto", { first: true, fallbackMs: 50 }],
  ])("handshake_first: %s", (text, expected) => {
    expect(config(`tls { handshake_first: ${text} }`).tls?.handshakeFirst).toEqual(expected);
  });

  test.each([
    ["cert_file: c", "f:1:7: cert_file needs a key_file"],
    ["key_file: c", "f:1:7: key_file needs a cert_file"],
    ["certs: [{cert_file: c}]", "f:1:15: a certificate needs both cert_file and key_file"],
    [
      "cert_file: c, key_file: k, certs: [{cert_file: c, key_file: k}]",
      "f:1:1: cert_file and certs exclude each other",
    ],
    ["cipher_suites: []", "f:1:7: cipher_suites must not be empty"],
    [
      "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]",
      "f:1:7: TLS_RSA_WITH_AES_128_CBC_SHA need allow_insecure_cipher_suites: true",
    ],
    ["pinned_certs: [xx]", 'f:1:22: "xx" is not the SHA-256 of a public key: 64 hexadecimal digits'],
    ['min_version: "1.1"', 'f:1:7: min_version must be one of "1.2", "1.3", not the string "1.1"'],
    ["min_version: 1.2", 'f:1:7: min_version must be one of "1.2", "1.3", not the float 1.2'],
    [
      "verify_cert_and_check_known_urls: true",
      "f:1:7: verify_cert_and_check_known_urls is for cluster and gateway only",
    ],
    ["ocsp_peer: true", 'f:1:7: "ocsp_peer" is not supported: OCSP is out of scope'],
    [
      "handshake_first: soon",
      'f:1:7: handshake_first must be a duration such as "2m", not the string "soon"',
    ],
    ["foo: 1", 'f:1:7: unknown field "foo"'],
  ])("%j", (text, expected) => expect(findings(`tls { ${text} }`)).toEqual([expected]));

  it("names the cipher suites and curves it knows", () => {
    expect(findings("tls { cipher_suites: [x], curve_preferences: [y] }")).toEqual([
      expect.stringMatching(/^f:1:23: "x" is unknown; known are TLS_AES_128_GCM_SHA256, .*_SHA256$/),
      expect.stringMatching(/^f:1:47: "y" is unknown; known are X25519, CurveP256, /),
    ]);
  });
});

describe("jetstream", () => {
  test.each([
    ["true", { enabled: true }],
    ["enabled", { enabled: true }],
    ["false", { enabled: false }],
    ["disable", { enabled: false }],
    ["{}", { enabled: true }],
    ["{ enabled: false, store_dir: s }", { enabled: false, storeDir: "s" }],
    [
      '{ max_mem: 1GB, max_file: "2G", store: s }',
      { enabled: true, maxMemoryBytes: 1024 ** 3, maxStoreBytes: 2 * 1024 ** 3, storeDir: "s" },
    ],
    ["{ max_memory_store: -1, max_file_store: 0 }", { enabled: true, maxMemoryBytes: -1, maxStoreBytes: 0 }],
    ["{ sync_interval: always }", { enabled: true, syncInterval: "always" }],
    ['{ sync: "10s" }', { enabled: true, syncInterval: 10_000 }],
    ["{ sync_interval: NONE }", { enabled: true, syncInterval: "none" }],
    [
      "{ domain: d, strict: false, unique_tag: ' AZ: ', cipher: AES, key: k, prev_ek: p }",
      {
        enabled: true,
        domain: "d",
        strict: false,
        uniqueTag: "az:",
        cipher: "aes",
        encryptionKey: "k",
        previousEncryptionKey: "p",
      },
    ],
    [
      '{ limits { max_ack_pending: 1, max_ha_assets: 2, max_request_batch: 3, duplicate_window: "1m", batch { max_msgs: 4, timeout: "1s" } } }',
      {
        enabled: true,
        limits: {
          maxAckPending: 1,
          maxHaAssets: 2,
          maxRequestBatch: 3,
          duplicateWindowMs: 60_000,
          batch: { maxMessages: 4, timeoutMs: 1000 },
        },
      },
    ],
    [
      "{ tpm { keys_file: k, encryption_password: p, pcr: 22, cipher: chachapoly } }",
      { enabled: true, tpm: { keysFile: "k", encryptionPassword: "p", pcr: 22, cipher: "chacha" } },
    ],
    [
      "{ max_buffered_size: 1MB, max_buffered_msgs: 2, request_queue_limit: 3, info_queue_limit: 4, meta_compact: 5, meta_compact_size: 6, meta_compact_sync: true, max_outstanding_catchup: 7, max_concurrent_io: 8, extension_hint: e }",
      {
        enabled: true,
        maxBufferedBytes: 1024 ** 2,
        maxBufferedMessages: 2,
        requestQueueLimit: 3,
        infoQueueLimit: 4,
        metaCompact: 5,
        metaCompactBytes: 6,
        metaCompactSync: true,
        maxOutstandingCatchupBytes: 7,
        maxConcurrentIo: 8,
        extensionHint: "e",
      },
    ],
  ])("%s", (text, expected) => expect(config(`jetstream: ${text}`).jetstream).toEqual(expected));

  test.each([
    [
      "maybe",
      'f:1:1: jetstream must be one of "enabled", "enable", "disabled", "disable", not the string "maybe"',
    ],
    ["5", 'f:1:1: jetstream must be a boolean, "enabled", "disabled" or a map, not the integer 5'],
    ['{ max_mem: "5X" }', 'f:1:14: max_mem must be a number of bytes such as 10GB or "10G", not "5X"'],
    ["{ max_mem: 1.5 }", "f:1:14: max_mem must be a number of bytes, not the float 1.5"],
    ["{ max_concurrent_io: 2 }", "f:1:14: max_concurrent_io must be from 4 to 8192, not 2"],
    [
      "{ cipher: rot13 }",
      'f:1:14: cipher must be one of "chacha", "chachapoly", "aes", not the string "rot13"',
    ],
    ["{ limits { x: 1 } }", 'f:1:23: unknown field "x"'],
    ["{ meta_compact_size: -1 }", "f:1:14: meta_compact_size must not be negative"],
    ["{ sync_interval: 10 }", 'f:1:14: sync_interval should be a duration: "10s"'],
  ])("%s", (text, expected) => expect(findings(`jetstream: ${text}`)).toEqual([expected]));
});

describe("websocket", () => {
  it("reads every option", () => {
    const { websocket } = config(`ws { listen: "h:8080", advertise: a, no_tls: true, same_origin: true
      allowed_origins: ["http://a", "http://b"], handshake_timeout: "2s", compression: true
      authorization { user: u, pass: p }, jwt_cookie: j, user_cookie: u, pass_cookie: p, token_cookie: t
      no_auth_user: n, headers { "X-A": b }, ping_interval: "1m" }`);
    expect(websocket).toEqual({
      host: "h",
      port: 8080,
      advertise: "a",
      noTls: true,
      sameOrigin: true,
      allowedOrigins: ["http://a", "http://b"],
      handshakeTimeoutMs: 2000,
      compression: true,
      authorization: { user: "u", password: "p" },
      jwtCookie: "j",
      userCookie: "u",
      passwordCookie: "p",
      tokenCookie: "t",
      noAuthUser: "n",
      headers: new Map([["X-A", "b"]]),
      pingIntervalMs: 60_000,
    });
    expect(config("websocket { origin: o, handshake_timeout: 3, net: h, port: 1 }").websocket).toEqual({
      allowedOrigins: ["o"],
      handshakeTimeoutMs: 3000,
      host: "h",
      port: 1,
    });
  });

  test.each([
    ["headers: [a]", "f:1:13: headers must be a map { … }, not a list"],
    ["headers { a: 1 }", "f:1:23: a must be a string, not the integer 1; quote it"],
    ["authorization { users: [] }", 'f:1:29: unknown field "users"'],
    ["compression: 1", "f:1:13: compression must be true or false (yes, no, on, off), not the integer 1"],
  ])("%j", (text, expected) => expect(findings(`websocket { ${text} }`)).toEqual([expected]));
});

describe("leafnodes", () => {
  it("reads every option", () => {
    const { leafnodes } = config(`leaf { listen: "h:7422", advertise: a, no_advertise: true, reconnect: "1s"
      dial_timeout: "2s", min_version: 2.9.0, compression: s2_fast, isolate: true, write_deadline: "3s"
      write_timeout: retry, tls { timeout: 1 }
      authorization { timeout: 1, users: [{ user: a, password: b, account: A }, { user: c }] }
      remotes: [
        { url: "nats://h:1", account: A, credentials: c, hub: true, deny_imports: a, deny_exports: [b, c.>]
          ws_compress: true, ws_no_masking: true, jetstream_cluster_migrate: true, isolate: true
          request_isolation: true, compression { mode: auto, rtt_thresholds: ["1ms", "0s"] }
          first_info_timeout: "4s", dial_timeout: "5s", disabled: true, ignore_discovered_servers: true
          no_randomize: true, proxy { url: "http://p:1", username: u, password: p, timeout: "6s" } }
        { urls: ["nats://h:2", "nats://h:3"], nkey: ${USER.seed}
          js_cluster_migrate { leader_migrate_delay: "7s" } } ] }`);
    expect(leafnodes).toEqual({
      host: "h",
      port: 7422,
      advertise: "a",
      noAdvertise: true,
      reconnectMs: 1000,
      dialTimeoutMs: 2000,
      minVersion: "2.9.0",
      compression: { mode: "s2_fast" },
      isolate: true,
      writeDeadlineMs: 3000,
      writeTimeout: "retry",
      tls: { timeoutMs: 1000 },
      authorization: { timeoutMs: 1000, users: [{ user: "a", password: "b", account: "A" }, { user: "c" }] },
      remotes: [
        {
          urls: ["nats://h:1"],
          account: "A",
          credentials: "c",
          hub: true,
          denyImports: ["a"],
          denyExports: ["b", "c.>"],
          webSocketCompression: true,
          webSocketNoMasking: true,
          jetStreamClusterMigrate: {},
          isolate: true,
          requestIsolation: true,
          compression: { mode: "s2_auto", rttThresholdsMs: [1, 0] },
          firstInfoTimeoutMs: 4000,
          dialTimeoutMs: 5000,
          disabled: true,
          ignoreDiscoveredServers: true,
          noRandomize: true,
          proxy: { url: "http://p:1", user: "u", password: "p", timeoutMs: 6000 },
        },
        {
          urls: ["nats://h:2", "nats://h:3"],
          seed: USER.seed,
          jetStreamClusterMigrate: { leaderMigrateDelayMs: 7000 },
        },
      ],
    });
  });

  test.each([
    [
      "authorization { user: a, users: [{user: b}] }",
      "f:1:38: a single user and a list of users exclude each other",
    ],
    ["authorization { users: [{user: b}, {user: b}] }", 'f:1:29: user "b" is defined twice'],
    ["authorization { nkey: x }", 'f:1:29: nkey must be the public nkey of a user, not "x"'],
    ["min_version: 2.7.9", 'f:1:13: min_version must be a version from 2.8.0, not "2.7.9"'],
    ["remotes: {}", "f:1:13: remotes must be a list [ … ], not a map"],
    ['remotes: [{url: "nats://a"}, {url: "nats://a"}]', 'f:1:13: a remote of account "$G" is defined twice'],
    ['remotes: [{url: "1.2.3.4:7422"}]', 'f:1:24: url is not a valid URL such as "nats://host:4222"'],
    ['remotes: [{urls: ["nats://a", "nats://a"]}]', "f:1:24: urls has a URL twice"],
    [
      `remotes: [{url: "nats://a", nkey: ${USER.publicKey}}]`,
      "f:1:41: nkey must be the seed of a user's nkey",
    ],
    [
      `remotes: [{url: "nats://a", nkey: ${USER.seed}, creds: c}]`,
      "f:1:23: credentials and nkey exclude each other",
    ],
    [
      'remotes: [{url: "ws://a", proxy: {url: "ftp://a"}}]',
      "f:1:39: the URL of a proxy is http or https and has a host",
    ],
    [
      'remotes: [{url: "ws://a", proxy: {url: "http://a", username: u}}]',
      "f:1:39: a proxy takes both username and password, or neither",
    ],
    ["compression: fastest", expect.stringMatching(/^f:1:13: compression must be one of "on", /)],
  ])("%j", (text, expected) => expect(findings(`leafnodes { ${text} }`)).toEqual([expected]));
});

describe("cluster and gateway", () => {
  it("reads a cluster", () => {
    const { cluster } =
      config(`cluster { name: c, listen: "h:6222", authorization { user: u, pass: p, timeout: 1 }
      routes: ["nats://a:1", "nats://b:2"], cluster_advertise: a, no_advertise: true, connect_retries: 3
      connect_backoff: true, permissions { import: a, export { deny: b } }, pool_size: 4, accounts: [A]
      compression: on, ping_interval: "1s", ping_max: 2, write_deadline: "2s", tls { verify_cert_and_check_known_urls: true } }`);
    expect(cluster).toEqual({
      name: "c",
      host: "h",
      port: 6222,
      authorization: { user: "u", password: "p", timeoutMs: 1000 },
      routes: ["nats://a:1", "nats://b:2"],
      advertise: "a",
      noAdvertise: true,
      connectRetries: 3,
      connectBackoff: true,
      permissions: { publish: { allow: ["a"] }, subscribe: { deny: ["b"] } },
      poolSize: 4,
      pinnedAccounts: ["A"],
      compression: { mode: "on" },
      pingIntervalMs: 1000,
      maxPingsOut: 2,
      writeDeadlineMs: 2000,
      tls: { verifyKnownUrls: true, verify: true },
    });
  });

  it("reads a gateway", () => {
    const { gateway } =
      config(`gateway { name: g, port: 7222, host: h, reject_unknown: true, connect_retries: 1
      advertise: a, gateways: [{ name: a, url: "nats://a:1" }, { name: b, urls: ["nats://b:1", "nats://b:2"] }] }`);
    expect(gateway).toEqual({
      name: "g",
      port: 7222,
      host: "h",
      rejectUnknownCluster: true,
      connectRetries: 1,
      advertise: "a",
      gateways: [
        { name: "a", urls: ["nats://a:1"] },
        { name: "b", urls: ["nats://b:1", "nats://b:2"] },
      ],
    });
  });

  test.each([
    ["cluster { name: 'a b' }", 'f:1:11: name must not have spaces, as "a b" has'],
    [
      "cluster { authorization { users: [] } }",
      'f:1:27: "users" is not supported: brokers share one user and password',
    ],
    ["cluster { authorization { token: t } }", "f:1:27: brokers do not use tokens"],
    [
      "cluster { permissions { allow_responses: true } }",
      "f:1:11: the permissions of a cluster have no allow_responses",
    ],
    [
      "cluster { authorization { permissions { pub: a } } }",
      "f:1:11: the permissions of a cluster belong beside its authorization, not in it",
    ],
    ["cluster { routes: ['nats://a', 'nats://a'] }", "f:1:11: routes has a URL twice"],
    ["gateway { gateways: {} }", "f:1:11: gateways must be a list [ … ], not a map"],
    ["gateway { gateways: [{ x: 1 }] }", 'f:1:24: unknown field "x"'],
    ["gateway { authorization { token: t } }", "f:1:27: brokers do not use tokens"],
  ])("%j", (text, expected) => expect(findings(text)).toEqual([expected]));
});

describe("operator and resolver", () => {
  it("reads operators, keys and preloaded accounts", () => {
    const text = `operator: [a.jwt, b.jwt], resolver_preload: { ${ACCOUNT}: "e.y.j" }
      resolver_pinned_accounts: [${ACCOUNT}], trusted: ${OPERATOR}, resolver_tls { insecure: true }`;
    expect(config(text)).toEqual({
      operators: ["a.jwt", "b.jwt"],
      resolverPreload: new Map([[ACCOUNT, "e.y.j"]]),
      resolverPinnedAccounts: [ACCOUNT],
      trustedKeys: [OPERATOR],
      resolverTls: { insecure: true },
    });
  });

  test.each([
    ["MEMORY", { kind: "memory" }],
    ["mem", { kind: "memory" }],
    ["URL(http://h:9090/a)", { kind: "url", url: "http://h:9090/a" }],
    ["'url( \"http://h:9090/a\" )'", { kind: "url", url: "http://h:9090/a" }],
    ["{ type: MEM }", { kind: "memory" }],
    [
      '{ type: full, dir: d, allow_delete: true, limit: 5, interval: "1m", timeout: "2s" }',
      {
        kind: "full",
        directory: "d",
        allowDelete: true,
        hardDelete: false,
        limit: 5,
        syncIntervalMs: 60_000,
        timeoutMs: 2000,
      },
    ],
    ['{ type: cache, dir: d, ttl: "1h" }', { kind: "cache", directory: "d", ttlMs: 3_600_000 }],
  ])("resolver: %s", (text, expected) => expect(config(`resolver: ${text}`).resolver).toEqual(expected));

  test.each([
    ["ldap", 'f:1:1: resolver must be MEMORY, URL("https://…") or a map of type and dir'],
    ["URL(nowhere)", 'f:1:1: resolver must be MEMORY, URL("https://…") or a map of type and dir'],
    ["{ dir: d }", "f:1:1: a resolver needs a type: full, cache or memory"],
    ["{ type: full }", "f:1:1: a resolver needs a dir"],
    ["{ type: full, dir: d, ttl: '1s' }", "f:1:33: ttl is not for a resolver of type full"],
    ["{ type: full, dir: d, hard_delete: true }", "f:1:33: hard_delete has no effect without allow_delete"],
    [
      "{ type: cache, dir: d, allow_delete: true }",
      "f:1:34: allow_delete is not for a resolver of type cache",
    ],
    ["{ type: cache, dir: d, interval: '1s' }", "f:1:34: interval is not for a resolver of type cache"],
    ["{ type: cache, dir: d, x: 1 }", 'f:1:34: unknown field "x"'],
  ])("resolver: %s", (text, expected) => expect(findings(`resolver: ${text}`)).toEqual([expected]));
});
