import { setTimeout as pause } from "node:timers/promises";
import { embedded } from "@ganglion/broker";
import { type App, type AppOptions, createApp } from "@ganglion/core";
import { silentLogger } from "@ganglion/kernel";
import { AlertDesk, AlertLog } from "./alert-desk.js";
import { Devices } from "./contracts.js";
import { Fleet } from "./fleet.js";
import { MAX_TEMPERATURE, Monitor, MonitorCounts } from "./monitor.js";
import type { Options } from "./options.js";

/** The figures of a run. */
export interface Figures {
  readonly devices: number;
  readonly readings: { readonly published: number; readonly received: number };
  readonly commands: { readonly sent: number; readonly answered: number };
  /** `raisedWhileDown`: while no desk was there to deal with them. */
  readonly alerts: { readonly raised: number; readonly raisedWhileDown: number; readonly handled: number };
}

/** How a run talks to the outside. */
export interface RunPorts {
  readonly line: (text: string) => void;
  /** Aborted to stop in order. */
  readonly stop: AbortSignal;
}

const TIMEOUT_MS = 10_000;
const CALM_READINGS = 30;
const HOT_READINGS = 20;

/** Shows telemetry, commands to one device, and alerts that wait for a service that is down. */
export async function run(options: Options, { line, stop }: RunPorts): Promise<Figures> {
  await using server = await openServer(options.url);
  const { url } = server;
  const counts = new MonitorCounts();
  const log = new AlertLog();
  await using _monitor = await start(url, {
    services: [Monitor],
    providers: [{ provide: MonitorCounts, useValue: counts }],
  });
  const startDesk = () =>
    start(url, { services: [AlertDesk], providers: [{ provide: AlertLog, useValue: log }] });
  const firstDesk = await startDesk();
  await using fleet = await Fleet.start(url, options.devices);
  await using operator = await start(url, { name: "operator" });
  const devices = operator.client(Devices);
  let answered = 0;
  const command = async (device: string, action: "reboot" | "cool-down") => {
    const result = await devices.command({ action }, { params: { device } });
    answered++;
    line(`  ${result.device} answers ${action}: ${result.temperature} °C, ${result.reboots} reboots`);
  };

  line(`${options.devices} devices publish telemetry on telemetry.{device}`);
  let published = fleet.publish(CALM_READINGS).length;
  await until(() => counts.readings === published, stop);
  line(`  the monitor has received ${counts.readings} readings of ${published}`);

  const [first] = fleet.states;
  line(`a command to one device, ${first?.id}`);
  await command(first?.id ?? "", "reboot");

  line("the alert desk goes down, and the devices get hot");
  await firstDesk.stop();
  const hot = fleet.publish(HOT_READINGS);
  published += hot.length;
  await until(() => counts.readings === published, stop);
  const exceeding = hot.filter(({ temperature }) => temperature > MAX_TEMPERATURE).length;
  await until(() => counts.alerts === exceeding, stop);
  const raisedWhileDown = counts.alerts;
  line(`  ${raisedWhileDown} alerts were raised; nobody was there, so they wait in the stream`);

  await using _desk = await startDesk();
  await until(() => log.handled.length === counts.alerts, stop);
  line(`the alert desk is back and has dealt with ${log.handled.length} alerts`);
  for (const { id } of fleet.states) await command(id, "cool-down");

  const figures = {
    devices: options.devices,
    readings: { published, received: counts.readings },
    commands: { sent: 1 + options.devices, answered },
    alerts: { raised: counts.alerts, raisedWhileDown, handled: log.handled.length },
  };
  if (options.json) line(JSON.stringify(figures));
  if (!options.once) await goOn(fleet, { url, line, stop });
  return figures;
}

/** Lets the devices go on until somebody stops them. */
async function goOn(fleet: Fleet, { url, line, stop }: RunPorts & { readonly url: string }): Promise<void> {
  line(`\nThe devices go on. Watch them:\n  nats --server ${url} subscribe 'telemetry.>'`);
  line(`Send a command:\n  nats --server ${url} request commands.sensor-001 '{"action":"cool-down"}'`);
  line("Ctrl-C stops them.");
  while (!stop.aborted) {
    fleet.publish(1);
    await pause(1_000, undefined, { signal: stop }).catch(() => {});
  }
}

async function openServer(url: string | undefined): Promise<AsyncDisposable & { readonly url: string }> {
  if (url !== undefined) return { url, [Symbol.asyncDispose]: async () => {} };
  const endpoint = await embedded().open();
  return { url: endpoint.servers[0] ?? "", [Symbol.asyncDispose]: () => endpoint.close() };
}

async function start(url: string, options: AppOptions): Promise<App> {
  const app = await createApp({ nats: url, logger: silentLogger, ...options });
  await app.start();
  return app;
}

async function until(condition: () => boolean, stop: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]);
  while (!condition()) await pause(5, undefined, { signal: deadline });
}
