import { pause } from "@ganglion/kernel";
import { DeliveryHost, type DeliveryHostRequest } from "../delivery/delivery-host.js";
import { RedriveSource } from "../delivery/redrive-source.js";
import type { ResourcePlan } from "../topology/resource.js";
import { PartitionLeases } from "./partition-leases.js";

const DEFAULT_LEASE_MS = 10_000;
const UNSETTLED_POLL_MS = 100;

/** What a {@link PartitionedDelivery} is made with. */
export interface PartitionedRequest extends Omit<DeliveryHostRequest, "rebuild" | "partition"> {
  /** Creates consumers anew, with their streams. */
  readonly provide: (resources: readonly ResourcePlan[]) => Promise<void>;
  readonly partitions: number;
  readonly leaseMs: number | undefined;
}

/** What works on one partition. */
interface Unit {
  readonly host: DeliveryHost;
  /** Dead letters come back to the owner, or a key would be worked on by two. */
  readonly redrives: RedriveSource | undefined;
  /** Set when the partition is not worked on any more. */
  ended: boolean;
}

/** Runs a method for the partitions this process owns: each of them by a delivery host of its own. */
export class PartitionedDelivery {
  private readonly leases: PartitionLeases;
  /** One for each partition, to describe it; those that run are in `running`. */
  private readonly described: readonly Unit[];
  private readonly running = new Map<number, Unit>();
  private readonly starting = new Map<number, Promise<void>>();

  constructor(private readonly request: PartitionedRequest) {
    const { runtime, service, partitions, definition } = request;
    this.described = Array.from({ length: partitions }, (_, partition) => this.unit(partition));
    this.leases = new PartitionLeases({
      runtime,
      service,
      group: definition.role === "worker" ? definition.endpoint.name : this.groupName(),
      partitions,
      leaseMs: request.leaseMs ?? DEFAULT_LEASE_MS,
      acquired: (partition, takenOver) => this.acquire(partition, takenOver),
      lost: (partition, graceMs) => this.lose(partition, graceMs),
    });
  }

  /** Partitions this process owns now. */
  get owned(): readonly number[] {
    return this.leases.owned;
  }

  plan(): readonly ResourcePlan[] {
    return this.described.flatMap((unit) => planOf(unit));
  }

  get trouble(): string | undefined {
    for (const { host, redrives } of this.running.values()) {
      const trouble = host.trouble ?? redrives?.trouble;
      if (trouble !== undefined) return trouble;
    }
    return undefined;
  }

  get consumerNames(): readonly string[] {
    return this.described.flatMap(({ host }) => host.consumerNames);
  }

  async start(): Promise<void> {
    await this.leases.start();
  }

  /** Gives the partitions up: what runs is ended, and others take over. */
  async stopTaking(): Promise<void> {
    await this.leases.stop();
  }

  async settled(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ host }) => host.settled()));
  }

  dropWaiting(): void {
    for (const { host } of this.running.values()) host.dropWaiting();
  }

  giveUp(): void {
    for (const { host } of this.running.values()) host.giveUp();
  }

  private groupName(): string {
    // The name of the first partition's consumer, without the number.
    return this.described[0]?.host.consumerNames[0]?.replace(/-p0$/, "") ?? this.request.definition.method;
  }

  private unit(partition: number): Unit {
    const { runtime, service, provide } = this.request;
    const rebuild = (): Promise<void> => provide(planOf(unit));
    const host = new DeliveryHost({ ...this.request, rebuild, partition });
    const [consumer] = host.consumerNames;
    const redrives =
      consumer === undefined
        ? undefined
        : new RedriveSource({ runtime, service, consumer, takers: [host], rebuild });
    const unit: Unit = { host, redrives, ended: false };
    return unit;
  }

  private acquire(partition: number, takenOver: boolean): void {
    const unit = this.unit(partition);
    const { host, redrives } = unit;
    this.running.set(partition, unit);
    const { logger } = this.request.runtime;
    const start = async () => {
      if (takenOver) await this.unsettledGone(unit);
      if (!unit.ended) await Promise.all([host.start(), redrives?.start()]);
    };
    const started = start().then(
      () => {},
      (error: unknown) =>
        logger.error("a partition cannot be worked on", {
          partition,
          consumer: host.consumerNames[0],
          error,
        }),
    );
    this.starting.set(partition, started);
  }

  /**
   * Waits until what the former owner was working on falls due: then it comes first. Before, later messages of its
   * keys would overtake it.
   */
  private async unsettledGone(unit: Unit): Promise<void> {
    const { clock, transport } = this.request.runtime;
    const { source } = unit.host;
    if (source === undefined) return;
    const untilMs = clock.monotonicMs() + source.ackWaitMs;
    while (clock.monotonicMs() < untilMs && !unit.ended) {
      const info = await transport.jetstream.consumers.info(source.stream, source.consumer);
      if (info === undefined || info.ackPending === 0) return;
      await pause(clock, UNSETTLED_POLL_MS);
    }
  }

  private async lose(partition: number, graceMs: number): Promise<void> {
    const unit = this.running.get(partition);
    if (unit === undefined) return;
    const { host, redrives } = unit;
    unit.ended = true;
    await this.starting.get(partition);
    await Promise.all([host.stopTaking(), redrives?.stop()]);
    host.dropWaiting();
    await this.within(graceMs, host.settled());
    host.giveUp();
    this.running.delete(partition);
    this.starting.delete(partition);
  }

  private within(graceMs: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.request.runtime.clock.schedule(graceMs, resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

function planOf({ host, redrives }: Unit): readonly ResourcePlan[] {
  return [...host.plan(), ...(redrives?.plan() ?? [])];
}
