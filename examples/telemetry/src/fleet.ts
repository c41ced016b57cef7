import { type App, createApp } from "@ganglion/core";
import { silentLogger } from "@ganglion/kernel";
import { Devices, type Reading } from "./contracts.js";
import { type DeviceState, deviceService, nextReading } from "./device.js";

const START_TEMPERATURE = 20;

/** Simulated devices, each an application with a connection of its own. */
export class Fleet implements AsyncDisposable {
  readonly states: DeviceState[] = [];
  private readonly apps: App[] = [];

  static async start(url: string, count: number): Promise<Fleet> {
    const fleet = new Fleet();
    for (let number = 1; number <= count; number++) {
      const id = `sensor-${String(number).padStart(3, "0")}`;
      const state = { id, temperature: START_TEMPERATURE, reboots: 0 };
      const app = await createApp({
        name: id,
        nats: url,
        services: [deviceService(state)],
        logger: silentLogger,
      });
      await app.start();
      fleet.states.push(state);
      fleet.apps.push(app);
    }
    return fleet;
  }

  /** Every device publishes `count` readings. @returns what was sent. */
  publish(count: number): readonly Reading[] {
    const sent: Reading[] = [];
    for (const [index, app] of this.apps.entries()) {
      const state = this.states[index] as DeviceState; // made together
      for (let reading = 0; reading < count; reading++) {
        const next = nextReading(state, new Date());
        app.publish(Devices.telemetry, next, { params: { device: state.id } });
        sent.push(next);
      }
    }
    return sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.apps.map((app) => app.stop()));
  }
}
