import { durationMs, GanglionError } from "@ganglion/kernel";
import { DeliveryHost, type DeliveryHostRequest } from "../delivery/delivery-host.js";
import { RedriveSource } from "../delivery/redrive-source.js";
import { cancelSubject } from "../messages/header-names.js";
import type { ServiceDefinition } from "../metadata/definitions.js";
import { PartitionedDelivery } from "../partitions/partitioned-delivery.js";
import { isDurable } from "../topology/derive.js";
import type { ResourcePlan } from "../topology/resource.js";
import type { TransportSubscription } from "../transport/transport.js";
import { MicroResponder } from "./micro.js";
import { RpcHost } from "./rpc-host.js";
import type { Runtime } from "./runtime.js";

/** Methods a service class may have; the app calls them. */
export interface LifecycleHooks {
  /** Called before the service takes work. */
  onStart?(): unknown;
  /** Called when the service has no more work. */
  onStop?(): unknown;
}

/** Runs one service of an app. */
export class ServiceHost {
  private readonly rpcs: readonly RpcHost[];
  private readonly deliveries: readonly (DeliveryHost | PartitionedDelivery)[];
  private readonly micro: MicroResponder;
  private readonly redrives: RedriveSource | undefined;
  private cancellations: TransportSubscription | undefined;

  /** @param provide - creates consumers anew, with their streams. */
  constructor(
    private readonly runtime: Runtime,
    readonly definition: ServiceDefinition,
    provide: (resources: readonly ResourcePlan[]) => Promise<void>,
  ) {
    this.instance = runtime.container.construct(definition.type);
    const rpcs: RpcHost[] = [];
    const deliveries: (DeliveryHost | PartitionedDelivery)[] = [];
    for (const endpoint of definition.endpoints) {
      if (endpoint.role === "handler") {
        rpcs.push(new RpcHost(runtime, endpoint, this.instance));
      } else {
        const request = { runtime, service: definition.name, definition: endpoint, instance: this.instance };
        const host: DeliveryHost | PartitionedDelivery = deliveryFor(request, provide, () => host.plan());
        deliveries.push(host);
      }
    }
    this.rpcs = rpcs;
    this.deliveries = deliveries;
    if (deliveries.some(({ consumerNames }) => consumerNames.length > 0)) {
      const redrives: RedriveSource = new RedriveSource({
        runtime,
        service: definition.name,
        takers: deliveries.filter((host) => host instanceof DeliveryHost),
        ignored: deliveries.flatMap((host) =>
          host instanceof PartitionedDelivery ? host.consumerNames : [],
        ),
        rebuild: () => provide(redrives.plan()),
      });
      this.redrives = redrives;
    }
    this.micro = new MicroResponder(runtime, definition, rpcs);
  }

  readonly instance: object;

  /** The consumers its methods need. */
  plan(): readonly ResourcePlan[] {
    return [...this.deliveries.flatMap((host) => host.plan()), ...(this.redrives?.plan() ?? [])];
  }

  problems(): readonly string[] {
    return [...this.deliveries, this.redrives].flatMap((source) => source?.trouble ?? []);
  }

  async onStart(): Promise<void> {
    await (this.instance as LifecycleHooks).onStart?.();
  }

  async onStop(): Promise<void> {
    await (this.instance as LifecycleHooks).onStop?.();
  }

  async start(): Promise<void> {
    if (this.rpcs.length > 0) {
      this.cancellations = this.runtime.transport.subscribe(cancelSubject(this.definition.name), {
        onMessage: (message) => {
          for (const host of this.rpcs) host.cancel(message.text());
        },
      });
    }
    for (const host of this.rpcs) host.start();
    await Promise.all([...this.deliveries, this.redrives].map((source) => source?.start()));
    this.micro.start();
  }

  /** Takes nothing new; what has arrived goes on. */
  async stopTaking(): Promise<void> {
    this.micro.stop();
    await this.redrives?.stop();
    await Promise.all(
      [...this.deliveries, ...this.rpcs.map((host) => ({ stopTaking: () => host.drain() }))].map((host) =>
        host.stopTaking(),
      ),
    );
    for (const host of this.deliveries) host.dropWaiting();
  }

  /** Resolves when no method is running. */
  async settled(): Promise<void> {
    await Promise.all([...this.rpcs, ...this.deliveries].map((host) => host.settled()));
  }

  /** Gives back what is not through. */
  giveUp(): void {
    for (const host of this.rpcs) host.abortAll(new GanglionError("ABORTED", "The app is stopping"));
    for (const host of this.deliveries) host.giveUp();
    this.cancellations?.unsubscribe();
  }
}

type Provide = (resources: readonly ResourcePlan[]) => Promise<void>;

/** A durable method of a partitioned event or task shares the partitions with the other processes. */
function deliveryFor(
  request: Omit<DeliveryHostRequest, "rebuild">,
  provide: Provide,
  plan: () => readonly ResourcePlan[],
): DeliveryHost | PartitionedDelivery {
  const { endpoint, options } = request.definition;
  const { partitions } = endpoint;
  if (partitions === undefined || !isDurable(request.definition)) {
    return new DeliveryHost({ ...request, rebuild: () => provide(plan()) });
  }
  const leaseMs =
    options.partitionLease === undefined ? undefined : durationMs(options.partitionLease, "partitionLease");
  return new PartitionedDelivery({ ...request, provide, partitions, leaseMs });
}
