import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, test } from "vitest";
import { CONNECT_SCENARIOS } from "./core/connect-scenarios.js";
import { DELIVERY_SCENARIOS } from "./core/delivery-scenarios.js";
import { GRAMMAR_SCENARIOS } from "./core/grammar-scenarios.js";
import { HEADER_SCENARIOS } from "./core/header-scenarios.js";
import { LIMIT_SCENARIOS } from "./core/limit-scenarios.js";
import { play } from "./core/play.js";
import { ServerPool, startOurs, startTheirs } from "./core/servers.js";
import { SUBJECT_SCENARIOS } from "./core/subject-scenarios.js";

const { stdout, status } = spawnSync("nats-server", ["-v"], { encoding: "utf8" });
const hasNatsServer = status === 0;
/** Differences are noted against this version; a later one may have become like ours. */
const isReference = hasNatsServer && stdout.includes("v2.9.");
if (!hasNatsServer) console.warn("core transcripts: not compared, nats-server is not on the PATH");

const GROUPS = {
  grammar: GRAMMAR_SCENARIOS,
  subjects: SUBJECT_SCENARIOS,
  delivery: DELIVERY_SCENARIOS,
  headers: HEADER_SCENARIOS,
  CONNECT: CONNECT_SCENARIOS,
  limits: LIMIT_SCENARIOS,
};

const ours = new ServerPool(startOurs);
const theirs = new ServerPool(startTheirs);
afterAll(async () => {
  await ours[Symbol.asyncDispose]();
  await theirs[Symbol.asyncDispose]();
});

for (const [group, scenarios] of Object.entries(GROUPS)) {
  describe(`core protocol, byte for byte: ${group}`, () => {
    test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", async (_, scenario) => {
      const transcripts = await play(scenario, (await ours.get(scenario.settings)).url);
      expect(transcripts).toMatchSnapshot();
      if (!hasNatsServer || (scenario.differs !== undefined && !isReference)) return;
      const reference = await play(scenario, (await theirs.get(scenario.settings)).url);
      if (scenario.differs === undefined) expect(transcripts).toEqual(reference);
      else expect(transcripts).not.toEqual(reference);
    });
  });
}
