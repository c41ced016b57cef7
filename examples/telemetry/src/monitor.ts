import { type DataOut, type EventContext, inject, Service, Subscriber } from "@ganglion/core";
import { Alerts, Devices } from "./contracts.js";

/** Degrees Celsius above which a device raises an alert. */
export const MAX_TEMPERATURE = 80;

/** What the monitor has seen. */
export class MonitorCounts {
  readings = 0;
  alerts = 0;
}

/** Watches the telemetry of all devices and raises alerts. */
@Service("monitor")
export class Monitor {
  private readonly counts = inject(MonitorCounts);

  @Subscriber(Devices.telemetry, { durable: false })
  async onReading(
    { temperature }: DataOut<typeof Devices.telemetry>,
    ctx: EventContext<typeof Devices.telemetry>,
  ) {
    this.counts.readings++;
    if (temperature <= MAX_TEMPERATURE) return;
    const { device } = ctx.params;
    const alert = { device, alert: "temperature_exceeded", value: temperature } as const;
    await ctx.emit(Alerts.raised, alert, { params: { severity: "critical" } });
    this.counts.alerts++;
  }
}
