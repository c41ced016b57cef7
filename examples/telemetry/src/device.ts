import { contract, Handler, type HandlerContext, type In, rpc, Service } from "@ganglion/core";
import { Command, CommandResult, type Reading } from "./contracts.js";

/** A simulated device: it warms up with every reading until somebody cools it down. */
export interface DeviceState {
  readonly id: string;
  temperature: number;
  reboots: number;
}

/** The next reading of a device. */
export function nextReading(state: DeviceState, now: Date): Reading {
  state.temperature += 1.5;
  return { device: state.id, temperature: state.temperature, humidity: 65, timestamp: now.toISOString() };
}

/**
 * The service that runs on one device. It listens on the subject of that device alone, so that a command sent to
 * `commands.sensor-001` is answered by sensor-001 and by nobody else.
 */
export function deviceService(state: DeviceState) {
  const OneDevice = contract(state.id, {
    version: "1.0.0",
    command: rpc({ subject: `commands.${state.id}`, input: Command, output: CommandResult }),
  });

  @Service(OneDevice)
  class Device {
    @Handler(OneDevice.command)
    command(input: In<typeof OneDevice.command>, _ctx: HandlerContext<typeof OneDevice.command>) {
      switch (input.action) {
        case "reboot":
          state.reboots++;
          break;
        case "cool-down":
          state.temperature = 20;
          break;
      }
      return { device: state.id, temperature: state.temperature, reboots: state.reboots };
    }
  }
  return Device;
}
