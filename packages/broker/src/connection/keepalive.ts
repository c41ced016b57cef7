import type { Clock, Timer } from "@ganglion/kernel";
import { FIRST_PING_DELAY_MS } from "@ganglion/protocol";

/** Time after which a round trip is measured again although the client is active. Source: nats-server const.go. */
const RTT_INTERVAL_MS = 3_600_000;

/** What a keepalive does to its connection. */
export interface KeepaliveActions {
  sendPing(): void;
  stale(): void;
}

/** When it acts. */
export interface KeepaliveSettings {
  readonly clock: Clock;
  readonly pingIntervalMs: number;
  readonly maxPingsOut: number;
}

/**
 * Sends PINGs to a connection that is silent, and gives it up when they stay unanswered.
 *
 * Source: nats-server client.go `processPingTimer`, `setFirstPingTimer`.
 */
export class Keepalive {
  private timer: Timer | undefined;
  private pingsOut = 0;
  private lastInMs: number;
  private lastPingMs = Number.NEGATIVE_INFINITY;
  /** Start of the connection, on the monotonic clock. */
  readonly startedMs: number;
  /** When a message or subscription last came from the client, on the monotonic clock. */
  lastActiveMs: number;
  /** Round trip in milliseconds: of the last PING, before that of INFO and CONNECT. Undefined before CONNECT. */
  rttMs: number | undefined;

  constructor(
    private readonly settingsNow: () => KeepaliveSettings,
    private readonly actions: KeepaliveActions,
  ) {
    const { settings } = this;
    this.startedMs = settings.clock.monotonicMs();
    this.lastInMs = this.startedMs;
    this.lastActiveMs = this.startedMs;
    this.arm(settings.pingIntervalMs);
  }

  private get settings(): KeepaliveSettings {
    return this.settingsNow();
  }

  /** The settings have changed. */
  restart(): void {
    this.arm(this.settings.pingIntervalMs);
  }

  /** CONNECT has arrived: the first PING follows soon, to measure the round trip. */
  connected(): void {
    this.lastActiveMs = this.settings.clock.monotonicMs();
    this.rttMs ??= this.lastActiveMs - this.startedMs;
    const delayMs = Math.min(this.settings.pingIntervalMs, FIRST_PING_DELAY_MS);
    this.arm(delayMs + Math.random() * (delayMs / 5));
  }

  /** The client has sent a message or changed a subscription. */
  active(): void {
    this.heard();
    this.lastActiveMs = this.lastInMs;
  }

  /** The client has shown that it is there. */
  heard(): void {
    this.lastInMs = this.settings.clock.monotonicMs();
  }

  pong(): void {
    this.pingsOut = 0;
    this.rttMs = this.settings.clock.monotonicMs() - this.lastPingMs;
  }

  stop(): void {
    this.timer?.cancel();
  }

  private arm(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.settings.clock.schedule(delayMs, () => this.due());
  }

  private due(): void {
    const { clock, pingIntervalMs, maxPingsOut } = this.settings;
    const nowMs = clock.monotonicMs();
    const isSilent = nowMs - this.lastInMs >= pingIntervalMs;
    if (isSilent || nowMs - this.lastPingMs > RTT_INTERVAL_MS) {
      if (this.pingsOut + 1 > maxPingsOut) {
        this.actions.stale();
        return;
      }
      this.pingsOut++;
      this.lastPingMs = nowMs;
      this.actions.sendPing();
    }
    this.arm(pingIntervalMs);
  }
}
