import { type DataOut, type EventContext, inject, Service, Subscriber } from "@ganglion/core";
import { type Alert, Alerts } from "./contracts.js";

/** An alert that was dealt with. */
export interface HandledAlert extends Alert {
  readonly severity: string;
  /** Position in the stream of alerts. */
  readonly sequence: number;
}

/** Where the desk writes down what it has dealt with. */
export class AlertLog {
  readonly handled: HandledAlert[] = [];
}

/** Deals with alerts, those of one device in order. What is raised while it is down waits for it in the stream. */
@Service("alert-desk")
export class AlertDesk {
  private readonly log = inject(AlertLog);

  @Subscriber(Alerts.raised, { durable: "alert-desk", orderBy: "key" })
  onAlert(alert: DataOut<typeof Alerts.raised>, ctx: EventContext<typeof Alerts.raised>) {
    this.log.handled.push({ ...alert, severity: ctx.params.severity, sequence: ctx.sequence });
  }
}
