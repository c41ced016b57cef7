import { Saga, Step, type StepContext } from "@ganglion/saga";
import * as z from "zod";
import { startTestBroker } from "@ganglion/testing";
import { componentApp } from "./component-app.js";
const Order = z.object({ total: z.number() });
@Saga("noop", { input: Order, concurrency: Number(process.env.C ?? 256) })
class Noop {
  @Step({}) a(_ctx: StepContext<z.infer<typeof Order>>) { return 1; }
  @Step({}) b(_ctx: StepContext<z.infer<typeof Order>>) { return 1; }
  @Step({}) c(_ctx: StepContext<z.infer<typeof Order>>) { return 1; }
  @Step({}) d(_ctx: StepContext<z.infer<typeof Order>>) { return 1; }
  @Step({}) e(_ctx: StepContext<z.infer<typeof Order>>) { return 1; }
}
const broker = await startTestBroker({ kind: (process.argv[2] ?? "nats-server") as any });
const app = await componentApp({ services: [Noop], url: broker.url });
const s = app.sagas(Noop);
const N = Number(process.env.N ?? 10000);
let ended = 0;
app.transport.subscribe("saga-ended.noop.*", { onMessage: () => void ended++ });
await app.transport.flush();
for (let round = 0; round < 3; round++) {
const t0 = performance.now(); const before = ended;
let next = 0;
const cpu0 = process.cpuUsage();
await Promise.all(Array.from({ length: 256 }, async () => { while (next < N) { const i = next++; await s.start({ id: `r${round}-${i}`, input: { total: i } }); } }));
const t1 = performance.now();
while (ended - before < N) await new Promise((r) => setTimeout(r, 5));
const t2 = performance.now();
const cpu = process.cpuUsage(cpu0);
console.log(`${N} sagas: starts ${(N / (t1 - t0) * 1000).toFixed(0)}/s, all ${(N / (t2 - t0) * 1000).toFixed(0)} sagas/s, ${(5 * N / (t2 - t0) * 1000).toFixed(0)} steps/s cpu ${(cpu.user + cpu.system) / 1000 | 0} ms of ${(t2 - t0) | 0}`);
}
await app.stop(); await broker.close();
