import { MemorySpanExporter, type Otel, startOtel } from "@ganglion/otel";

/** Spans kept for the report; an order makes about twenty. */
const MAX_SPANS = 100_000;

/** Traces of every service of this process: kept in memory for the report, and sent to a collector if there is one. */
export class Telemetry implements AsyncDisposable {
  readonly memory = new MemorySpanExporter({ maxSpans: MAX_SPANS });
  private readonly started: Otel[] = [];

  constructor(private readonly otlpUrl: string | undefined) {}

  /** Each service reports under its own name, as it would from a process of its own. */
  async service(serviceName: string): Promise<Otel> {
    const otel = await startOtel({
      serviceName,
      exporter: this.memory,
      global: false,
      ...(this.otlpUrl === undefined ? {} : { otlpUrl: this.otlpUrl }),
    });
    this.started.push(otel);
    return otel;
  }

  /** How many spans have been recorded. */
  get spanCount(): number {
    return this.memory.spans().length + this.memory.droppedCount;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.started.map((otel) => otel.shutdown()));
  }
}
