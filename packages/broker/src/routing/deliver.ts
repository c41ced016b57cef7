import { decodeText, type PublishedFrame } from "@ganglion/protocol";
import type { Publisher } from "./publisher.js";
import type { Route, RouteTarget } from "./route.js";
import type { Subscriber } from "./subscriber.js";

/**
 * Delivers a message to everything its route leads to: each plain subscription, and one member of each queue group.
 *
 * Source: nats-server client.go `processMsgResults`, `deliverMsg`.
 *
 * @returns how many subscriptions it was delivered to.
 */
export function deliver(route: Route, frame: PublishedFrame, publisher: Publisher): number {
  let count = 0;
  const { targets, groups } = route;
  for (let i = 0; i < targets.length; i++) {
    if (deliverTo(targets[i] as RouteTarget, frame, publisher)) count++;
  }
  for (let i = 0; i < groups.length; i++) {
    if (deliverToOne(groups[i] as readonly RouteTarget[], frame, publisher)) count++;
  }
  return count;
}

/** Delivers to a random member of a queue group; when it cannot take the message, to the next one that can. */
function deliverToOne(members: readonly RouteTarget[], frame: PublishedFrame, publisher: Publisher): boolean {
  const first = members.length === 1 ? 0 : Math.floor(Math.random() * members.length);
  for (let i = 0; i < members.length; i++) {
    const member = members[(first + i) % members.length] as RouteTarget; // index is in range
    if (deliverTo(member, frame, publisher)) return true;
  }
  return false;
}

function deliverTo(target: RouteTarget, frame: PublishedFrame, publisher: Publisher): boolean {
  const { subscription } = target;
  if (subscription.closed) return false;
  const { subscriber } = subscription;
  if (subscriber === publisher.subscriber && subscriber?.echo === false) return false;
  subscription.delivered++;
  if (subscriber === undefined) return deliverInternally(target, frame, publisher);
  const isLast = subscription.max > 0 && subscription.delivered >= subscription.max;
  // More than the maximum can only have been delivered when the maximum was set afterwards.
  const sent =
    !(isLast && subscription.delivered > subscription.max) && write(target, subscriber, frame, publisher);
  if (isLast) subscriber.expire(subscription);
  return sent;
}

// biome-ignore lint/complexity/useMaxParams: runs for every delivery, an object per call would be garbage
function write(
  target: RouteTarget,
  subscriber: Subscriber,
  frame: PublishedFrame,
  publisher: Publisher,
): boolean {
  const { outbox } = subscriber;
  const { deliverAs } = publisher;
  let sizeBytes = frame.dataEnd - frame.dataStart;
  let sent: boolean;
  if (!frame.isHeaderOperation) {
    sent = outbox.appendMessage(target.messagePrefix(deliverAs), frame);
  } else if (subscriber.headers && frame.headerSizeBytes > 0) {
    sent = outbox.appendMessage(target.headerPrefix(deliverAs), frame);
  } else {
    sizeBytes -= frame.headerSizeBytes;
    sent = outbox.appendWithoutHeaders(target.messagePrefix(deliverAs), frame);
  }
  if (!sent) return false;
  subscriber.countOut(sizeBytes);
  if (outbox.congested) publisher.congestedBy = outbox;
  if (subscriber.observer !== undefined) subscriber.observer.delivered(target, frame, publisher);
  return true;
}

function deliverInternally(target: RouteTarget, frame: PublishedFrame, publisher: Publisher): boolean {
  const { forwarder } = target.subscription;
  if (forwarder !== undefined) return forwarder.forward(target.subject, frame, publisher);
  const hasReply = frame.replyEnd > frame.replyStart;
  target.subscription.handler?.({
    subject: publisher.deliverAs ?? target.subject,
    reply: hasReply ? decodeText(frame.bytes, frame.replyStart, frame.replyEnd) : undefined,
    headerSizeBytes: frame.headerSizeBytes,
    data: frame.bytes.subarray(frame.dataStart, frame.dataEnd),
    origin: publisher.origin,
  });
  return true;
}
