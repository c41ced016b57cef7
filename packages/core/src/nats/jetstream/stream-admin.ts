import { JETSTREAM_ERRORS, type StreamInfo as WireStreamInfo } from "@ganglion/protocol";
import { isAtLeast } from "../../transport/server-version.js";
import type {
  PurgeOptions,
  StreamAdmin,
  StreamInfo,
  StreamInfoOptions,
  StreamSpec,
} from "../../transport/stream-spec.js";
import { type JetStreamApi, jetstreamErrorCode } from "./jetstream-api.js";
import { streamFromWire, streamToWire } from "./stream-wire.js";

const [NAME_IN_USE] = JETSTREAM_ERRORS.StreamNameExist;
const [MESSAGE_NOT_FOUND] = JETSTREAM_ERRORS.NoMessageFound;
const [SEQUENCE_NOT_FOUND] = JETSTREAM_ERRORS.SequenceNotFound;

interface NamesPage {
  readonly total: number;
  readonly streams: readonly string[] | null;
}

/** Streams over the JetStream API. Source: ADR-1 and nats-server jetstream_api.go. */
export class NatsStreamAdmin implements StreamAdmin {
  constructor(private readonly api: JetStreamApi) {}

  async ensure(spec: StreamSpec): Promise<StreamInfo> {
    const present = await this.info(spec.name);
    if (present !== undefined) return present;
    try {
      return streamFromWire(
        await this.api.request<WireStreamInfo>(`STREAM.CREATE.${spec.name}`, this.wire(spec)),
      );
    } catch (error) {
      if (jetstreamErrorCode(error) !== NAME_IN_USE) throw error;
      const winner = await this.info(spec.name); // somebody was faster
      if (winner === undefined) throw error;
      return winner;
    }
  }

  async update(spec: StreamSpec): Promise<StreamInfo> {
    return streamFromWire(
      await this.api.request<WireStreamInfo>(`STREAM.UPDATE.${spec.name}`, this.wire(spec)),
    );
  }

  async info(name: string, options: StreamInfoOptions = {}): Promise<StreamInfo | undefined> {
    const { subjectsFilter } = options;
    const body = subjectsFilter === undefined ? undefined : { subjects_filter: subjectsFilter };
    const info = await this.api.find<WireStreamInfo>("NO_STREAM", `STREAM.INFO.${name}`, body);
    return info === undefined ? undefined : streamFromWire(info);
  }

  async names(subject?: string): Promise<readonly string[]> {
    const names: string[] = [];
    for (;;) {
      const page = await this.api.request<NamesPage>("STREAM.NAMES", {
        offset: names.length,
        ...(subject !== undefined && { subject }),
      });
      const added = page.streams ?? [];
      names.push(...added);
      if (added.length === 0 || names.length >= page.total) return names;
    }
  }

  async purge(name: string, options: PurgeOptions = {}): Promise<number> {
    const { subject, beforeSequence, keep } = options;
    const { purged } = await this.api.request<{ readonly purged: number }>(`STREAM.PURGE.${name}`, {
      ...(subject !== undefined && { filter: subject }),
      ...(beforeSequence !== undefined && { seq: beforeSequence }),
      ...(keep !== undefined && { keep }),
    });
    return purged;
  }

  async delete(name: string): Promise<boolean> {
    return (await this.api.find("NO_STREAM", `STREAM.DELETE.${name}`)) !== undefined;
  }

  async deleteMessage(
    name: string,
    sequence: number,
    options: { readonly erase?: boolean } = {},
  ): Promise<boolean> {
    try {
      await this.api.request(`STREAM.MSG.DELETE.${name}`, {
        seq: sequence,
        no_erase: options.erase !== true,
      });
      return true;
    } catch (error) {
      const code = jetstreamErrorCode(error);
      if (code === MESSAGE_NOT_FOUND || code === SEQUENCE_NOT_FOUND) return false;
      throw error;
    }
  }

  private wire(spec: StreamSpec) {
    return streamToWire(spec, isAtLeast(this.api.transport.server.version, [2, 10, 0]));
  }
}
