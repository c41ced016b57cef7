import { isCompareAndSetSafe } from "../transport/compare-and-set.js";
import type { StreamInfo } from "../transport/stream-spec.js";
import type { Transport } from "../transport/transport.js";

/** What the server the app runs on can be trusted with, found out at the start. */
export interface Guarantees {
  readonly server: {
    readonly version: string;
    readonly cluster: string | undefined;
    readonly jetstream: boolean;
  };
  readonly streams: readonly {
    readonly name: string;
    readonly storage: "file" | "memory";
    readonly replicas: number;
  }[];
  /** Whether compare-and-set appends can be trusted on streams with that many copies. */
  readonly compareAndSet: "safe" | "unsafe-with-replicas";
  /** In plain words, worst first. */
  readonly notes: readonly string[];
}

/** Looks at the server and the streams of the app. */
export async function auditGuarantees(transport: Transport, names: readonly string[]): Promise<Guarantees> {
  const { version, clusterName, jetstream } = transport.server;
  const infos = jetstream
    ? await Promise.all(names.map((name) => transport.jetstream.streams.info(name)))
    : [];
  const streams = infos.flatMap((info) => (info === undefined ? [] : [factsOf(info)]));
  const compareAndSet = isCompareAndSetSafe(version) ? "safe" : "unsafe-with-replicas";
  return Object.freeze({
    server: { version, cluster: clusterName, jetstream },
    streams,
    compareAndSet,
    notes: notesOn(streams, { version, clusterName, compareAndSet }),
  });
}

function factsOf({ spec }: StreamInfo): Guarantees["streams"][number] {
  return { name: spec.name, storage: spec.storage ?? "file", replicas: spec.replicas ?? 1 };
}

function notesOn(
  streams: Guarantees["streams"],
  facts: {
    readonly version: string;
    readonly clusterName: string | undefined;
    readonly compareAndSet: Guarantees["compareAndSet"];
  },
): readonly string[] {
  const notes: string[] = [];
  const named = (list: Guarantees["streams"]) => list.map(({ name }) => name).join(", ");
  const memory = streams.filter(({ storage }) => storage === "memory");
  const single = streams.filter(({ storage, replicas }) => storage === "file" && replicas === 1);
  const replicated = streams.filter(({ replicas }) => replicas > 1);
  if (facts.compareAndSet !== "safe" && replicated.length > 0) {
    notes.push(
      `compare-and-set is unsafe on ${named(replicated)}: nats-server ${facts.version} is older than 2.9.21`,
    );
  }
  if (memory.length > 0) notes.push(`${named(memory)}: kept in memory, lost when the server stops`);
  if (single.length > 0) {
    notes.push(
      facts.clusterName === undefined
        ? `${named(single)}: one copy on one server; an acknowledged message survives a crash of the server's process, a power cut only as far as the server syncs`
        : `${named(single)}: one copy in a cluster: unavailable while its server is`,
    );
  }
  return notes;
}
