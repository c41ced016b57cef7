import { runScenarios, type Scenario, script } from "../rpc/sides.js";
import type { Bench } from "../support/bench.js";

/** More than anybody consumes in a second. */
const MOST_PER_SECOND = 200_000;
/** Part of a measurement's time that is added for the warm-up, and as much again for the start. */
const WARM_UP = 0.6;

const SCENARIOS: readonly Scenario[] = [
  {
    name: "typed event stored and acknowledged, 256 in flight",
    sides: {
      ganglion: { client: script("./sides/ganglion-emit.ts") },
      "nats.js": { client: script("./sides/nats-publish.ts") },
    },
    inFlight: 256,
    figures: [
      {
        name: "",
        unit: "events/s",
        of: ({ perSecond }) => perSecond,
        goals: { "nats.js": { atLeast: 2.5 } },
      },
      { name: "p50", unit: "µs", of: ({ p50Us }) => p50Us },
      { name: "p99", unit: "µs", of: ({ p99Us }) => p99Us },
      { name: "CPU of the sender", unit: "µs", of: ({ cpuUs }) => cpuUs },
    ],
    stored: () => 0,
  },
  {
    name: "typed event consumed and acknowledged",
    sides: {
      ganglion: { client: script("./sides/ganglion-consume.ts") },
      "nats.js": { client: script("./sides/nats-consume.ts") },
    },
    inFlight: 1,
    figures: [
      {
        name: "",
        unit: "events/s",
        of: ({ perSecond }) => perSecond,
        goals: { "nats.js": { atLeast: 2 } },
      },
      { name: "CPU of the subscriber", unit: "µs", of: ({ cpuUs }) => cpuUs },
    ],
    stored: ({ seconds }) => Math.ceil(seconds * (1 + WARM_UP)) * MOST_PER_SECOND,
  },
];

const bench: Bench = {
  description: "typed events stored and consumed beside nats.js, over nats-server and our broker",
  run: (context) => runScenarios(context, SCENARIOS),
};

export default bench;
