import { contract, event, rpc } from "@ganglion/core";
import * as z from "zod";

/** What a device measures. */
export const Reading = z.object({
  device: z.string(),
  /** Degrees Celsius. */
  temperature: z.number(),
  /** Relative, in percent. */
  humidity: z.number().min(0).max(100),
  timestamp: z.iso.datetime(),
});
export type Reading = z.output<typeof Reading>;

export const Command = z.object({ action: z.enum(["reboot", "cool-down"]) });
export const CommandResult = z.object({ device: z.string(), temperature: z.number(), reboots: z.int() });

/** What every device offers. The subject names the device, so a command reaches one of them. */
export const Devices = contract("devices", {
  version: "1.0.0",
  /** Sent at most once to whoever listens now, never stored: the next reading comes in a moment. */
  telemetry: event({ subject: "telemetry.{device}", data: Reading, durable: false }),
  command: rpc({ subject: "commands.{device}", input: Command, output: CommandResult, timeout: "2s" }),
});

export const Alert = z.object({
  device: z.string(),
  alert: z.literal("temperature_exceeded"),
  value: z.number(),
});
export type Alert = z.output<typeof Alert>;

/** Alerts are stored in a stream: nobody has to listen at the moment they are raised. */
export const Alerts = contract("alerts", {
  version: "1.0.0",
  raised: event({ subject: "alerts.{severity}", data: Alert, key: (alert) => alert.device }),
});
