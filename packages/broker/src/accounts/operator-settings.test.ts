import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TestOperator } from "../auth/jwt/jwt-fixture.js";
import { startBroker } from "../broker.js";
import { type OperatorConfig, readOperatorSettings } from "./operator-settings.js";

const operator = new TestOperator();
const account = operator.account();
const memory = { kind: "memory" } as const;

function faultOf(config: OperatorConfig): string {
  try {
    readOperatorSettings(config);
    return "";
  } catch (error) {
    expect(error).toMatchObject({ code: "INVALID_BROKER_OPTIONS" });
    return (error as Error).message;
  }
}

describe("readOperatorSettings", () => {
  it("reads operators from JWTs and from files, with the lines of nsc around them", () => {
    const directory = mkdtempSync(join(tmpdir(), "ganglion-operator-"));
    const file = join(directory, "operator.jwt");
    const token = operator.token({ system_account: account.publicKey }, { name: "acme" });
    writeFileSync(file, `-----BEGIN NATS OPERATOR JWT-----\n${token}\n------END NATS OPERATOR JWT------\n`);
    for (const given of [file, token]) {
      const { operators, systemAccount } = readOperatorSettings({ operators: [given], resolver: memory });
      expect(operators).toMatchObject([{ name: "acme", subject: operator.key.publicKey }]);
      expect(systemAccount).toBe(account.publicKey);
    }
    rmSync(directory, { recursive: true });
  });

  it("always lets the system account be used", () => {
    const other = operator.account().publicKey;
    const { pinnedAccounts } = readOperatorSettings({
      operators: [operator.token()],
      resolver: memory,
      resolverPinnedAccounts: [other],
      systemAccount: account.publicKey,
    });
    expect([...(pinnedAccounts ?? [])]).toEqual([other, account.publicKey]);
  });

  const operators = [operator.token()];
  const bearer = account.user({ bearer_token: true }).token;
  it.each<[string, OperatorConfig, string]>([
    [
      "no file",
      { operators: ["/nowhere/op.jwt"], resolver: memory },
      'operator "/nowhere/op.jwt" cannot be read',
    ],
    [
      "the JWT of an account",
      { operators: [account.token], resolver: memory },
      "it is about account, not operator",
    ],
    ["no resolver", { operators }, "operators need a resolver"],
    [
      "a newer version",
      { operators: [operator.token({ assert_server_version: "99.0.0" })], resolver: memory },
      "expects version 99.0.0",
    ],
    [
      "a directory without a system account",
      { operators, resolver: { kind: "full", directory: "x", allowDelete: false, hardDelete: false } },
      "a resolver of type full needs a system_account",
    ],
    [
      "a preload for a web server",
      {
        operators,
        resolver: { kind: "url", url: "http://x" },
        resolverPreload: new Map([["A", account.token]]),
      },
      "resolver_preload needs a resolver that can be written",
    ],
    [
      "a preload that is none",
      { operators, resolver: memory, resolverPreload: new Map([["A", "x"]]) },
      'preloaded account "A" cannot be read',
    ],
    [
      "a sentinel that is no bearer",
      { operators, resolver: memory, defaultSentinel: account.user().token },
      "bearer",
    ],
    [
      "a sentinel that is none",
      { operators, resolver: memory, defaultSentinel: "x" },
      "default_sentinel cannot be",
    ],
    [
      "a pin that is none",
      { operators, resolver: memory, resolverPinnedAccounts: ["x"] },
      'pinned account "x"',
    ],
    [
      "two system accounts",
      {
        operators: [operator.token({ system_account: account.publicKey })],
        resolver: memory,
        systemAccount: operator.account().publicKey,
      },
      "must be the same",
    ],
  ])("refuses %s", (_, config, fault) => {
    expect(faultOf(config)).toContain(fault);
  });

  it("takes a bearer, or a user of a scoped key, as sentinel", () => {
    const signer = operator.account().key;
    for (const defaultSentinel of [bearer, account.user({}, { signer }).token]) {
      expect(faultOf({ operators, resolver: memory, defaultSentinel })).toBe("");
    }
  });
});

it("startBroker refuses what does not fit together", async () => {
  await expect(startBroker({ operators: [operator.token()] })).rejects.toThrow("operators need a resolver");
});
