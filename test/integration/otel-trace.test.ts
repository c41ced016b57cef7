import { describeBrokers } from "@ganglion/testing/vitest";
import { expect, it } from "vitest";
import { NodeProcess } from "../support/node-process.js";
import { type CollectedSpan, OtlpCollector } from "../support/otlp-collector.js";

const SERVICES = "test/integration/otel-services.ts";
/** Sends spans soon instead of every five seconds. */
const ENV = { OTEL_BSP_SCHEDULE_DELAY: "50" };
const TIMEOUT_MS = 60_000;

describeBrokers("two processes that trace to a collector", (start) => {
  it(
    "make one trace of each request, over calls, events, batches and projections",
    async () => {
      await using collector = await OtlpCollector.start();
      await using broker = await start();
      await using billing = NodeProcess.start(SERVICES, ["billing", broker.url, collector.url], ENV);
      await billing.output(/ready/);
      await using shop = NodeProcess.start(SERVICES, ["shop", broker.url, collector.url], ENV);
      await shop.output(/bought/);
      const { spans } = collector;
      const statistics = () => spans.find(({ links }) => links.length > 0);
      await expect.poll(statistics, { timeout: 20_000 }).toBeDefined(); // it comes last
      expect(await shop.end("SIGTERM")).toEqual({ code: 0, signal: null });
      expect(await billing.end("SIGTERM")).toEqual({ code: 0, signal: null });

      expect(tree(spans, "buy small")).toEqual([
        "buy small internal shop",
        "  request billing.charge client shop",
        "    process billing.charge server billing",
        "      publish billing.charged producer billing",
        "        process billing.charged consumer shop", // letters
        "        process billing.charged consumer shop", // statistics, the first of its batch
        "        project invoices consumer shop",
      ]);
      expect(tree(spans, "buy medium")).toEqual([
        "buy medium internal shop",
        "  request billing.charge client shop",
        "    process billing.charge server billing",
        "      publish billing.charged producer billing",
        "        process billing.charged consumer shop", // letters; statistics is linked
        "        project invoices consumer shop",
      ]);
      const medium = spans.find(({ name }) => name === "buy medium");
      const linked = spans.find(
        ({ name, traceId }) => name.startsWith("publish") && traceId === medium?.traceId,
      );
      expect(statistics()?.links).toEqual([linked?.spanId]);
      expect(tree(spans, "buy large")).toEqual([
        "buy large internal shop",
        "  request billing.charge client shop: that is too much",
        "    process billing.charge server billing: that is too much",
      ]);
    },
    TIMEOUT_MS,
  );
});

/** The trace that begins with the span of that name, one line for each span, indented below its parent. */
function tree(spans: readonly CollectedSpan[], rootName: string): string[] {
  const root = spans.find(({ name }) => name === rootName);
  const trace = spans.filter(({ traceId }) => traceId === root?.traceId);
  const below = (parent: string | undefined, indent: string): string[] =>
    trace
      .filter(({ parentSpanId }) => parentSpanId === parent)
      .map((span) => ({ line: `${indent}${label(span)}`, span }))
      .sort((a, b) => (a.line < b.line ? -1 : 1))
      .flatMap(({ line, span }) => [line, ...below(span.spanId, `${indent}  `)]);
  return below(undefined, "");
}

function label({ name, kind, service, failed, message }: CollectedSpan): string {
  return `${name} ${kind} ${service}${failed ? `: ${message}` : ""}`;
}
