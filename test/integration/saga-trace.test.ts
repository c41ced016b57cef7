import type { Observer, Span, SpanOptions } from "@ganglion/kernel";
import { noopObserver } from "@ganglion/kernel";
import { type CompensationContext, Saga, Step, type StepContext } from "@ganglion/saga";
import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { expect, it } from "vitest";
import * as z from "zod";
import { flowApp } from "../support/flow-app.js";

/** Records spans, each with its trace: the trace id of the parent's header, or a new one. */
class Recorder implements Observer {
  readonly tracing = true;
  readonly spans: { name: string; trace: string; failed: boolean; attributes: SpanOptions["attributes"] }[] =
    [];
  readonly activeSpan = noopObserver.activeSpan;
  readonly count = noopObserver.count;
  readonly record = noopObserver.record;
  readonly adjust = noopObserver.adjust;
  readonly gauge = noopObserver.gauge;

  startSpan({ name, parent, attributes }: SpanOptions): Span {
    const trace = parent?.("traceparent")?.split("-")[1] ?? `${this.spans.length}`.padStart(32, "0");
    const span = { name, trace, failed: false, attributes };
    this.spans.push(span);
    return {
      setAttributes: () => {},
      inject: (write) => write("traceparent", `00-${trace}-${"1".repeat(16)}-01`),
      run: (work) => work(),
      fail: () => {
        span.failed = true;
      },
      end: () => {},
      ids: undefined,
    };
  }
}

let held = false;

@Saga("traced", { input: z.object({}), lease: "500ms" })
class Traced {
  @Step({ compensate: "undo" }) one() {}
  undo(_ctx: CompensationContext<object>) {}
  @Step() two(ctx: StepContext<object>) {
    if (!held) return undefined;
    return new Promise((_, reject) => ctx.signal.addEventListener("abort", reject));
  }
  @Step() three(ctx: StepContext<object>) {
    throw ctx.reject("no");
  }
}

describeBrokers("saga traces", (start) => {
  it("the start, every step and every compensation are one trace, also on another worker", async () => {
    await using broker = await start();
    const [first, second] = [new Recorder(), new Recorder()];
    const one = await flowApp({ services: [Traced], url: broker.url, observer: first });
    held = true;
    await one.sagas(Traced).start({ id: "t1", input: {} });
    await waitFor(() => first.spans.some(({ name }) => name === "saga traced.two"));
    held = false;
    await one.stop();
    await using two = await flowApp({ services: [Traced], url: broker.url, observer: second });
    await two.sagas(Traced).result("t1");
    expect(first.spans.map(({ name }) => name)).toEqual([
      "saga traced start",
      "saga traced.one",
      "saga traced.two",
    ]);
    expect(second.spans.map(({ name, failed }) => [name, failed])).toEqual([
      ["saga traced.two", false],
      ["saga traced.three", true],
      ["saga traced.undo", false],
    ]);
    expect(new Set([...first.spans, ...second.spans].map(({ trace }) => trace)).size).toBe(1);
    expect(second.spans.at(-1)?.attributes).toMatchObject({
      "ganglion.saga.id": "t1",
      "ganglion.saga.step": "one",
      "ganglion.saga.compensation": true,
    });
  });

  it("a saga started where nobody traces still has one trace", async () => {
    await using broker = await start();
    const recorder = new Recorder();
    await using _worker = await flowApp({ services: [Traced], url: broker.url, observer: recorder });
    await using client = await flowApp({ services: [], url: broker.url });
    await client.sagas(Traced).start({ id: "t2", input: {} });
    await client.sagas(Traced).result("t2");
    expect(recorder.spans.map(({ name }) => name)).toEqual([
      "saga traced",
      "saga traced.one",
      "saga traced.two",
      "saga traced.three",
      "saga traced.undo",
    ]);
    expect(new Set(recorder.spans.map(({ trace }) => trace)).size).toBe(1);
  });
});
