import type { AccountInfo as WireAccountInfo } from "@ganglion/protocol";
import { coreError } from "../../errors.js";
import type {
  AccountInfo,
  AppendAck,
  AppendOptions,
  ConsumeOptions,
  Consumption,
  GetOptions,
  GetQuery,
  JetStream,
  OrderedRead,
  OrderedReadOptions,
} from "../../transport/jetstream.js";
import type { Payload, StoredMessage } from "../../transport/message.js";
import type { Transport } from "../../transport/transport.js";
import type { Link } from "../link.js";
import type { ResolvedNatsOptions } from "../nats-options.js";
import { NatsConsumerAdmin } from "./consumer-admin.js";
import { DirectGet } from "./direct-get.js";
import { DurableConsumption } from "./durable-consumer.js";
import { JetStreamApi } from "./jetstream-api.js";
import { OrderedReader } from "./ordered-reader.js";
import type { PullSurroundings } from "./pull-inbox.js";
import { NatsStreamAdmin } from "./stream-admin.js";
import { StreamPublisher } from "./stream-publisher.js";

/** JetStream over a connection. */
export class NatsJetStream implements JetStream {
  readonly streams: NatsStreamAdmin;
  readonly consumers: NatsConsumerAdmin;
  private readonly api: JetStreamApi;
  private readonly publisher: StreamPublisher;
  private readonly reads: DirectGet;
  private readonly surroundings: PullSurroundings;

  constructor(transport: Transport, connection: Link, options: ResolvedNatsOptions) {
    this.api = new JetStreamApi(transport, options.jetstreamDomain);
    this.streams = new NatsStreamAdmin(this.api);
    this.consumers = new NatsConsumerAdmin(this.api);
    this.publisher = new StreamPublisher(transport);
    this.reads = new DirectGet(this.api, this.streams);
    this.surroundings = { connection, api: this.api, inboxPrefix: options.inboxPrefix };
  }

  append(subject: string, data: Payload, options?: AppendOptions): Promise<AppendAck> {
    return this.publisher.append(subject, data, options);
  }

  get(stream: string, query: GetQuery, options?: GetOptions): Promise<StoredMessage | undefined> {
    return this.reads.get(stream, query, options);
  }

  async consume(stream: string, consumer: string, options: ConsumeOptions): Promise<Consumption> {
    const info = await this.consumers.info(stream, consumer);
    if (info === undefined) {
      throw coreError("NO_CONSUMER", `Stream ${stream} has no consumer ${consumer}`, {
        details: { stream, consumer },
      });
    }
    return new DurableConsumption({
      surroundings: this.surroundings,
      consumers: this.consumers,
      info,
      options,
    });
  }

  readOrdered(stream: string, options: OrderedReadOptions): Promise<OrderedRead> {
    const { surroundings, streams, consumers } = this;
    return OrderedReader.start({ surroundings, streams, consumers, stream, options });
  }

  async account(): Promise<AccountInfo> {
    const info = await this.api.request<WireAccountInfo>("INFO");
    return {
      domain: info.domain,
      memoryBytes: info.memory,
      storageBytes: info.storage,
      streams: info.streams,
      consumers: info.consumers,
    };
  }
}
