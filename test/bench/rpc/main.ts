import type { Bench } from "../support/bench.js";
import { installPeers } from "./install-peers.js";
import { runScenarios, type Scenario, type Side, script } from "./sides.js";

const SIDES: Readonly<Record<string, Side>> = {
  ganglion: { server: script("./sides/ganglion-server.ts"), client: script("./sides/ganglion-client.ts") },
  "nats.js": { server: script("./sides/nats-server.ts"), client: script("./sides/nats-client.ts") },
  "nats.js micro": { server: script("./sides/micro-server.ts"), client: script("./sides/nats-client.ts") },
  moleculer: {
    server: script("../peers/moleculer-server.ts"),
    client: script("../peers/moleculer-client.ts"),
  },
  nestjs: { server: script("../peers/nestjs-server.ts"), client: script("../peers/nestjs-client.ts") },
};

const SCENARIOS: readonly Scenario[] = [
  {
    name: "typed call, 64 in flight",
    sides: SIDES,
    inFlight: 64,
    figures: [
      {
        name: "",
        unit: "calls/s",
        of: ({ perSecond }) => perSecond,
        goals: { "nats.js": { atLeast: 2 }, moleculer: { atLeast: 1.5 }, nestjs: { atLeast: 2.5 } },
      },
      { name: "p50", unit: "µs", of: ({ p50Us }) => p50Us },
      { name: "p99", unit: "µs", of: ({ p99Us }) => p99Us },
      { name: "CPU of client and service", unit: "µs", of: ({ allCpuUs }) => allCpuUs },
    ],
  },
  {
    name: "typed call, one at a time",
    sides: SIDES,
    inFlight: 1,
    figures: [
      { name: "p50", unit: "µs", of: ({ p50Us }) => p50Us, goals: { "nats.js": { atMost: 1.05 } } },
      { name: "p99", unit: "µs", of: ({ p99Us }) => p99Us },
    ],
  },
];

const bench: Bench = {
  description:
    "typed calls beside nats.js, NATS micro, Moleculer and NestJS, over nats-server and our broker",
  run: async (context) => {
    await installPeers(context.log);
    return runScenarios(context, SCENARIOS);
  },
};

export default bench;
