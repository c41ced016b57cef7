import { describeBrokers } from "@ganglion/testing/vitest";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { NodeProcess } from "../support/node-process.js";

const start = (...args: readonly string[]) => NodeProcess.start("examples/telemetry/dist/main.js", args);

// Devices begin at 20 °C and gain 1.5 with each reading: the 41st of 50 is the first above 80.
const EXPECTED = {
  devices: 4,
  readings: { published: 200, received: 200 },
  commands: { sent: 5, answered: 5 },
  alerts: { raised: 40, raisedWhileDown: 40, handled: 40 },
};

describe("the telemetry example", () => {
  it("delivers readings and commands, and keeps alerts for a desk that is down", async () => {
    await using example = start("--once", "--json", "--devices", "4");
    expect(await example.lastLine()).toEqual(EXPECTED);
    expect(example.stdout).toMatch(/sensor-001 answers reboot: .* 1 reboots/);
    expect(example.stdout).toMatch(/sensor-002 answers cool-down: 20 °C, 0 reboots/);
  });

  it("goes on for any NATS client, and stops in order on SIGINT", async () => {
    await using example = start("--devices", "2");
    await example.output(/Ctrl-C stops them/);
    const connection = await connect({ servers: /--server (\S+)/.exec(example.stdout)?.[1] ?? "" });
    const reply = await connection.request("commands.sensor-002", '{"action":"reboot"}');
    expect(reply.json()).toMatchObject({ device: "sensor-002", reboots: 1 });
    for await (const reading of connection.subscribe("telemetry.sensor-001", { max: 1 })) {
      expect(reading.json()).toMatchObject({ device: "sensor-001" });
    }
    await connection.close();
    expect(await example.end("SIGINT")).toEqual({ code: 0, signal: null });
  });

  it.each([
    [["--devices", "0"], 2, "--devices 0"],
    [["--url", "x"], 2, "--url x"],
    [["--colour"], 2, "--colour"],
    [["--help"], 0, "Usage:"],
  ])("answers %j with exit status %i", async (args, code, text) => {
    await using example = start(...args);
    expect(await example.ended).toEqual({ code, signal: null });
    expect(code === 0 ? example.stdout : example.stderr).toContain(text);
  });
});

describeBrokers(
  "the telemetry example with --url",
  (startBroker) => {
    it("does the same", async () => {
      await using broker = await startBroker();
      await using example = start("--once", "--json", "--devices", "4", "--url", broker.url);
      expect(await example.lastLine()).toEqual(EXPECTED);
    });
  },
  { kinds: ["nats-server"] },
);
