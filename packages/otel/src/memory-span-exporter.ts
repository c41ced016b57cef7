import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-node";
import { type RecordedSpan, recordedSpan } from "./recorded-span.js";
import { formatSpanTree } from "./span-tree.js";

/** Options of a {@link MemorySpanExporter}. */
export interface MemorySpanExporterOptions {
  /** Spans kept; beyond that the oldest are dropped and counted. @default 10_000 */
  readonly maxSpans?: number;
}

/**
 * Keeps finished spans in memory, for tests and for showing a trace in a terminal. Several SDKs of one
 * process may share one exporter: each span keeps the name of its service.
 */
export class MemorySpanExporter implements SpanExporter {
  private readonly maxSpans: number;
  private recorded: RecordedSpan[] = [];
  private dropped = 0;

  constructor(options: MemorySpanExporterOptions = {}) {
    this.maxSpans = options.maxSpans ?? 10_000;
  }

  /** Called by the SDK. */
  export(spans: readonly ReadableSpan[], done: (result: ExportResult) => void): void {
    for (const span of spans) this.recorded.push(recordedSpan(span));
    // Dropping in pieces of a quarter keeps the cost per span constant.
    if (this.recorded.length > this.maxSpans + this.maxSpans / 4) this.trim();
    done({ code: ExportResultCode.SUCCESS });
  }

  /** Finished spans in the order they ended; with `traceId`, those of one trace. */
  spans(traceId?: string): readonly RecordedSpan[] {
    this.trim();
    return this.recorded.filter((span) => traceId === undefined || span.traceId === traceId);
  }

  /** How many spans were dropped because of `maxSpans`. */
  get droppedCount(): number {
    this.trim();
    return this.dropped;
  }

  /** One trace as a tree in text, see {@link formatSpanTree}. */
  formatSpanTree(traceId: string): string {
    return formatSpanTree(this.spans(traceId));
  }

  /** Forgets every span. */
  clear(): void {
    this.recorded = [];
    this.dropped = 0;
  }

  /** Called by the SDK. The spans stay readable. */
  async shutdown(): Promise<void> {}

  private trim(): void {
    const excess = this.recorded.length - this.maxSpans;
    if (excess <= 0) return;
    this.recorded.splice(0, excess);
    this.dropped += excess;
  }
}
