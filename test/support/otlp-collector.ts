import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as a collector got it. */
export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly failed: boolean;
  /** What was said when it failed. */
  readonly message: string | undefined;
  /** Ids of the spans it is linked with. */
  readonly links: readonly string[];
}

// Source: opentelemetry-proto, trace.proto: Span.SpanKind, Status.StatusCode; JSON mapping of OTLP 1.
const KINDS = [undefined, "internal", "server", "client", "producer", "consumer"] as const;
const STATUS_ERROR = 2;

interface WireSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly links?: readonly { readonly spanId: string }[];
}

interface WireTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue?: string } }[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

/** Takes spans over OTLP/HTTP with JSON, as a collector or Jaeger would. */
export class OtlpCollector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request.setEncoding("utf8")) body += chunk;
      if (request.url === "/v1/traces") this.take(JSON.parse(body) as WireTraces);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  }

  static async start(): Promise<OtlpCollector> {
    const collector = new OtlpCollector();
    await new Promise<void>((resolve) => collector.server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take({ resourceSpans }: WireTraces): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const name = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
      for (const { spans } of scopeSpans) this.spans.push(...spans.map((span) => collected(name, span)));
    }
  }
}

function collected(service: string, span: WireSpan): CollectedSpan {
  const kind = KINDS[span.kind];
  if (kind === undefined) throw new Error(`span ${span.name} has kind ${span.kind}`);
  return {
    service,
    name: span.name,
    kind,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId === "" ? undefined : span.parentSpanId,
    failed: span.status?.code === STATUS_ERROR,
    message: span.status?.message,
    links: (span.links ?? []).map(({ spanId }) => spanId),
  };
}
