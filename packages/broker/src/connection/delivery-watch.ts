import { decodeText, type MessageFrame } from "@ganglion/protocol";
import type { Publisher } from "../routing/publisher.js";
import type { RouteTarget } from "../routing/route.js";
import type { DeliveryObserver } from "../routing/subscriber.js";
import type { Connection } from "./connection.js";

/** Shows what a connection receives in the trace, and lets it answer requests where its permissions limit answers. */
export class DeliveryWatch implements DeliveryObserver {
  constructor(private readonly connection: Pick<Connection, "permissions" | "traceOut">) {}

  delivered(target: RouteTarget, frame: MessageFrame, publisher: Publisher): void {
    const { permissions, traceOut } = this.connection;
    traceOut?.(describe(target, frame, publisher));
    if (frame.replyEnd > frame.replyStart && permissions?.grantsResponses) {
      permissions.replyDelivered(decodeText(frame.bytes, frame.replyStart, frame.replyEnd));
    }
  }
}

/** The control line of a delivery. */
function describe(target: RouteTarget, frame: MessageFrame, publisher: Publisher): string {
  const verb = frame.headerSizeBytes > 0 && target.subscription.subscriber?.headers ? "HMSG" : "MSG";
  const tail = decodeText(frame.bytes, frame.tailStart, frame.dataStart - 2);
  return `[${verb} ${publisher.deliverAs ?? target.subject} ${target.subscription.sid} ${tail}]`;
}
