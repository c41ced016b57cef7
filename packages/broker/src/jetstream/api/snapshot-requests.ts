import { randomUUID } from "node:crypto";
import { formatTimestamp, isValidSubject } from "@ganglion/protocol";
import type { JetStreamAccount } from "../account.js";
import { restoreChunks } from "../snapshot/receive-restore.js";
import { sendSnapshot, snapshotSizes } from "../snapshot/send-snapshot.js";
import { readBackup } from "../snapshot/write-backup.js";
import type { Stream } from "../stream/stream.js";
import { apiFault } from "./api-fault.js";
import { decodeStreamConfig } from "./config-codecs.js";
import { streamInfo, streamState } from "./info.js";
import { always, bool, type Decoder, fields, integer, optional, text } from "./json.js";
import { type ApiRequest, decodeBody, isEmptyRequest, type ResponseBody, streamName } from "./request.js";

interface SnapshotRequest {
  readonly deliver_subject: string;
  readonly no_consumers?: boolean;
  readonly chunk_size?: number;
  readonly window_size?: number;
  readonly jsck?: boolean;
}

const decodeSnapshot = fields<SnapshotRequest>({
  deliver_subject: always(text, ""),
  no_consumers: optional(bool),
  chunk_size: optional(integer()),
  window_size: optional(integer()),
  jsck: optional(bool),
});

/** `STREAM.SNAPSHOT.S`. Source: nats-server jetstream_api.go `jsStreamSnapshotRequest`. */
export function snapshotStream(request: ApiRequest): ResponseBody {
  const { account, payload } = request;
  if (isEmptyRequest(payload)) throw apiFault("BadRequest");
  const stream = account.stream(streamName(request));
  const wanted = decodeBody(request, decodeSnapshot);
  if (!isValidSubject(wanted.deliver_subject)) throw apiFault("SnapshotDeliverSubjectInvalid");
  // Chunks come behind the response.
  setImmediate(() => void send(account, stream, wanted));
  return { config: stream.config, state: streamState(stream, {}) };
}

async function send(account: JetStreamAccount, stream: Stream, wanted: SnapshotRequest): Promise<void> {
  const { advisories, clock, bus, logger } = account;
  const start = formatTimestamp(clock.nowUs());
  const told = { stream: stream.name, client: {} };
  advisories.advise(`STREAM.SNAPSHOT_CREATE.${stream.name}`, "snapshot_create", {
    ...told,
    state: streamState(stream, {}),
  });
  const options = {
    streamName: stream.name,
    deliverSubject: wanted.deliver_subject,
    ...snapshotSizes(wanted.chunk_size, wanted.window_size),
  };
  await stream.store.messages.flush().catch(() => {}); // what is not durable is not in the snapshot
  const backup = readBackup(stream, wanted.no_consumers !== true);
  const error = await sendSnapshot(backup, options, { bus, clock });
  if (error !== undefined) logger.warn("a snapshot failed", { stream: stream.name, error });
  advisories.advise(`STREAM.SNAPSHOT_COMPLETE.${stream.name}`, "snapshot_complete", {
    ...told,
    start,
    end: formatTimestamp(clock.nowUs()),
    ...(error === undefined ? {} : { error }),
  });
}

/** Whatever a snapshot told of the state of the stream: the backup itself knows better. */
const anything: Decoder<object> = (value) => (typeof value === "object" && value !== null ? value : {});

const decodeRestore = fields<{
  readonly config: ReturnType<typeof decodeStreamConfig>;
  readonly state?: object;
}>({
  config: always(decodeStreamConfig, decodeStreamConfig({})),
  state: optional(anything),
});

/** `STREAM.RESTORE.S`. Source: nats-server jetstream_api.go `jsStreamRestoreRequest`, `processStreamRestore`. */
export function restoreStream(request: ApiRequest): ResponseBody {
  const { account, payload } = request;
  if (isEmptyRequest(payload)) throw apiFault("BadRequest");
  const { config: given } = decodeBody(request, decodeRestore);
  const name = streamName(request);
  const config = account.checkConfig(given.name === "" ? { ...given, name } : given);
  if (config.name !== name) throw apiFault("StreamMismatch");
  account.checkRestore(config);
  const { advisories, clock } = account;
  const start = formatTimestamp(clock.nowUs());
  const told = { stream: name, client: {} };
  advisories.advise(`STREAM.RESTORE_CREATE.${name}`, "restore_create", told);
  const deliverSubject = `$JS.SNAPSHOT.RESTORE.${name}.${randomUUID()}`;
  restoreChunks(account, config, {
    deliverSubject,
    describe: (stream) => streamInfo(account, stream),
    done: (bytes) => {
      const end = formatTimestamp(clock.nowUs());
      advisories.advise(`STREAM.RESTORE_COMPLETE.${name}`, "restore_complete", {
        ...told,
        start,
        end,
        bytes,
      });
    },
  });
  return { deliver_subject: deliverSubject };
}
