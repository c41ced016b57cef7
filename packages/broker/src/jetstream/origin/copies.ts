import type { StreamConfig, StreamSourceConfig, StreamSourceInfo } from "@ganglion/protocol";
import { type CopyHost, Mirror, type MirroredMessage } from "./mirror.js";
import type { OriginLink } from "./origin-link.js";
import { Sources, type SourcesHost } from "./sources.js";

/** What {@link Copies} needs of its stream. */
export interface CopiesHost extends SourcesHost {
  /** Stores a message at its sequence. @returns whether it is stored. */
  storeMirrored(message: MirroredMessage): boolean;
}

/** What a stream copies from others: from one of which it is the mirror, or from several. */
export class Copies {
  private mirror: Mirror | undefined;
  private readonly sources: Sources;

  constructor(private readonly host: CopiesHost) {
    this.sources = new Sources(host);
  }

  /** Begins, or goes on by a new configuration. */
  applyConfig({ mirror, sources = [] }: StreamConfig): void {
    if (mirror === undefined) {
      this.mirror?.link.close();
      this.mirror = undefined;
    } else if (this.mirror === undefined) this.startMirror(mirror, this.host);
    this.sources.update(sources);
  }

  /** A stream of this name is there now. */
  originCreated(name: string): void {
    for (const link of this.links()) if (link.config.name === name) link.retrySoon();
  }

  durable(sequence: number): void {
    this.sources.durable(sequence);
  }

  /** Messages were not stored after all. */
  failed(): void {
    this.mirror?.link.restart();
    this.sources.failed();
  }

  mirrorInfo(): StreamSourceInfo | undefined {
    return this.mirror && linkInfo(this.mirror.link);
  }

  sourcesInfo(): readonly StreamSourceInfo[] {
    return this.sources.links.map(linkInfo);
  }

  close(): void {
    this.mirror?.link.close();
    this.sources.close();
  }

  private startMirror(config: StreamSourceConfig, host: CopyHost): void {
    this.mirror = new Mirror(config, host, (message) => this.host.storeMirrored(message));
    this.mirror.link.restart();
  }

  private links(): readonly OriginLink[] {
    return this.mirror === undefined ? this.sources.links : [this.mirror.link, ...this.sources.links];
  }
}

/** Source: nats-server stream.go `sourceInfo`. */
function linkInfo({ config, lag, activeNs, error }: OriginLink): StreamSourceInfo {
  const { name, external, filter_subject, subject_transforms } = config;
  return {
    name,
    ...(external === undefined ? {} : { external }),
    lag,
    active: activeNs,
    ...(error === undefined ? {} : { error }),
    ...(filter_subject === undefined ? {} : { filter_subject }),
    ...(subject_transforms === undefined ? {} : { subject_transforms }),
  };
}
