import { hasWildcard, JETSTREAM_ERRORS, JETSTREAM_HEADERS, type StoredMessageInfo } from "@ganglion/protocol";
import { coreError } from "../../errors.js";
import type { GetOptions, GetQuery } from "../../transport/jetstream.js";
import type { IncomingHeaders, IncomingMessage, StoredMessage } from "../../transport/message.js";
import type { StreamAdmin } from "../../transport/stream-spec.js";
import { WireHeaders } from "../wire-message.js";
import { type JetStreamApi, jetstreamErrorCode } from "./jetstream-api.js";
import { timeMs } from "./nanoseconds.js";

const DEFAULT_TIMEOUT_MS = 5_000;
const NOT_FOUND = 404;
const [NO_MESSAGE_FOUND] = JETSTREAM_ERRORS.NoMessageFound;

/** Reads single messages of a stream. Source: ADR-31 (JetStream Direct Get). */
export class DirectGet {
  /** Whether a stream allows direct get. The server does not answer where it is not allowed. */
  private readonly direct = new Map<string, Promise<boolean>>();

  constructor(
    private readonly api: JetStreamApi,
    private readonly streams: StreamAdmin,
  ) {}

  async get(stream: string, query: GetQuery, options: GetOptions = {}): Promise<StoredMessage | undefined> {
    if (options.consistency === "leader" || !(await this.isDirect(stream)))
      return this.askLeader(stream, query);
    try {
      return await this.askAny(stream, query, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    } catch (error) {
      // It may have been changed or removed since: look again next time.
      this.direct.delete(stream);
      throw error;
    }
  }

  private isDirect(stream: string): Promise<boolean> {
    let known = this.direct.get(stream);
    if (known === undefined) {
      known = this.allowsDirect(stream);
      this.direct.set(stream, known);
      known.catch(() => this.direct.delete(stream));
    }
    return known;
  }

  /** @throws GanglionError `NO_STREAM` */
  private async allowsDirect(stream: string): Promise<boolean> {
    const info = await this.streams.info(stream);
    if (info === undefined) {
      throw coreError("NO_STREAM", `Stream ${stream} does not exist`, { details: { stream } });
    }
    return info.spec.allowDirect === true;
  }

  private async askAny(
    stream: string,
    query: GetQuery,
    timeoutMs: number,
  ): Promise<StoredMessage | undefined> {
    const base = `${this.api.prefix}DIRECT.GET.${stream}`;
    const bySubject = "lastOf" in query && !hasWildcard(query.lastOf);
    const subject = bySubject ? `${base}.${query.lastOf}` : base;
    const body = bySubject ? "" : JSON.stringify(queryToWire(query));
    const reply = await this.api.transport.request(subject, body, { timeoutMs });
    const { status } = reply.headers;
    if (status === NOT_FOUND) return undefined;
    if (status === 0) return new DirectMessage(reply);
    throw coreError(
      "JETSTREAM_ERROR",
      `Direct get from ${stream} failed: ${status} ${reply.headers.statusText}`,
      {
        details: { stream, status },
      },
    );
  }

  private async askLeader(stream: string, query: GetQuery): Promise<StoredMessage | undefined> {
    try {
      const response = await this.api.request<{ readonly message: StoredMessageInfo }>(
        `STREAM.MSG.GET.${stream}`,
        queryToWire(query),
      );
      return storedFromWire(response.message);
    } catch (error) {
      if (jetstreamErrorCode(error) === NO_MESSAGE_FOUND) return undefined;
      throw error;
    }
  }
}

function queryToWire(query: GetQuery): object {
  if ("lastOf" in query) return { last_by_subj: query.lastOf };
  if ("sequence" in query) return { seq: query.sequence };
  return { seq: query.fromSequence, next_by_subj: query.nextOf };
}

/** A reply of direct get: the stored message, with its facts in further headers. */
class DirectMessage implements StoredMessage {
  constructor(private readonly reply: IncomingMessage) {}

  get subject(): string {
    return this.reply.headers.get(JETSTREAM_HEADERS.subject) ?? "";
  }
  get headers(): IncomingHeaders {
    return this.reply.headers;
  }
  get data(): Uint8Array {
    return this.reply.data;
  }
  get sequence(): number {
    return Number(this.reply.headers.get(JETSTREAM_HEADERS.sequence));
  }
  get timestampMs(): number {
    return timeMs(this.reply.headers.get(JETSTREAM_HEADERS.timeStamp) ?? "");
  }
  text(): string {
    return this.reply.text();
  }
}

function storedFromWire(info: StoredMessageInfo): StoredMessage {
  const headers = Buffer.from(info.hdrs ?? "", "base64");
  const data = Buffer.from(info.data ?? "", "base64");
  return {
    subject: info.subject,
    headers: new WireHeaders(headers, 0, headers.length),
    data,
    sequence: info.seq,
    timestampMs: timeMs(info.time),
    text: () => data.toString("utf8"),
  };
}
