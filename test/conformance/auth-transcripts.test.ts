import { brokerAvailability } from "@ganglion/testing";
import { describe, expect, test } from "vitest";
import { type ConfiguredScenario, transcriptsOf } from "../support/transcripts.js";
import { ACCOUNT_SCENARIOS } from "./account-scenarios.js";
import { AUTHENTICATION_SCENARIOS } from "./auth-scenarios.js";
import { IMPORT_SCENARIOS } from "./import-scenarios.js";
import { PERMISSION_SCENARIOS } from "./permission-scenarios.js";

const unavailable = brokerAvailability("nats-server").reason;
if (unavailable !== undefined)
  console.warn(`auth transcripts: not compared with nats-server: ${unavailable}`);

function compare(name: string, scenarios: readonly ConfiguredScenario[]): void {
  describe(name, () => {
    test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", async (_, scenario) => {
      const ours = await transcriptsOf(scenario, "embedded");
      for (const transcript of ours) expect(transcript).toMatch(/^INFO /);
      if (unavailable === undefined) expect(ours).toEqual(await transcriptsOf(scenario, "nats-server"));
    });
  });
}

compare("who may connect, byte for byte", AUTHENTICATION_SCENARIOS);
compare("accounts, byte for byte", ACCOUNT_SCENARIOS);
compare("imports, exports and mappings, byte for byte", IMPORT_SCENARIOS);
compare("what users may do, byte for byte", PERMISSION_SCENARIOS);
