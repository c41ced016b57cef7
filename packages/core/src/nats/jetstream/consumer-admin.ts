import { hasWildcard, JETSTREAM_ERRORS, type ConsumerInfo as WireConsumerInfo } from "@ganglion/protocol";
import type { ConsumerAdmin, ConsumerInfo, ConsumerSpec } from "../../transport/consumer-spec.js";
import { isAtLeast } from "../../transport/server-version.js";
import { consumerFromWire, consumerToWire } from "./consumer-wire.js";
import { type JetStreamApi, jetstreamErrorCode } from "./jetstream-api.js";

const [NAME_IN_USE] = JETSTREAM_ERRORS.ConsumerNameExist;
const [ALREADY_EXISTS] = JETSTREAM_ERRORS.ConsumerAlreadyExists;

interface ListPage {
  readonly total: number;
  readonly consumers: readonly WireConsumerInfo[] | null;
}

/** Consumers over the JetStream API. Source: ADR-1 and nats-server jetstream_api.go. */
export class NatsConsumerAdmin implements ConsumerAdmin {
  constructor(private readonly api: JetStreamApi) {}

  async ensure(stream: string, spec: ConsumerSpec): Promise<ConsumerInfo> {
    const present = await this.info(stream, spec.name);
    if (present !== undefined) return present;
    try {
      return await this.create(stream, spec, "create");
    } catch (error) {
      const code = jetstreamErrorCode(error);
      if (code !== NAME_IN_USE && code !== ALREADY_EXISTS) throw error;
      const winner = await this.info(stream, spec.name); // somebody was faster
      if (winner === undefined) throw error;
      return winner;
    }
  }

  update(stream: string, spec: ConsumerSpec): Promise<ConsumerInfo> {
    return this.create(stream, spec, undefined);
  }

  async info(stream: string, name: string): Promise<ConsumerInfo | undefined> {
    const info = await this.api.find<WireConsumerInfo>("NO_CONSUMER", `CONSUMER.INFO.${stream}.${name}`);
    return info === undefined ? undefined : consumerFromWire(info);
  }

  async list(stream: string): Promise<readonly ConsumerInfo[]> {
    const found: ConsumerInfo[] = [];
    for (;;) {
      const page = await this.api.request<ListPage>(`CONSUMER.LIST.${stream}`, { offset: found.length });
      const added = page.consumers ?? [];
      found.push(...added.map(consumerFromWire));
      if (added.length === 0 || found.length >= page.total) return found;
    }
  }

  async delete(stream: string, name: string): Promise<boolean> {
    return (await this.api.find("NO_CONSUMER", `CONSUMER.DELETE.${stream}.${name}`)) !== undefined;
  }

  private async create(
    stream: string,
    spec: ConsumerSpec,
    action: "create" | undefined,
  ): Promise<ConsumerInfo> {
    const isNew = isAtLeast(this.api.transport.server.version, [2, 10, 0]);
    const body = {
      stream_name: stream,
      config: consumerToWire(spec, isNew),
      ...(isNew && action !== undefined && { action }),
    };
    // The filter may be part of the subject so that permissions can speak of it; one with wildcards cannot be
    // published to. Source: ADR-31's neighbour in jetstream_api.go, JSApiConsumerCreateEx.
    const [filter, ...more] = spec.filterSubjects ?? [];
    const suffix = filter === undefined || more.length > 0 || hasWildcard(filter) ? "" : `.${filter}`;
    const info = await this.api.request<WireConsumerInfo>(
      `CONSUMER.CREATE.${stream}.${spec.name}${suffix}`,
      body,
    );
    return consumerFromWire(info);
  }
}
