import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { startTestBroker } from "@ganglion/testing";
import { expect, it } from "vitest";
import { CompiledFolder } from "../support/compile.js";

const CONTRACT = `import { contract, event, Handler, rpc, Service, Subscriber, Worker, task, createApp } from "@ganglion/core";
import type { DataOut, EventContext, HandlerContext, In } from "@ganglion/core";
import * as z from "zod";
export const Orders = contract("orders", {
  version: "1.0.0",
  place: rpc({ input: z.object({ sku: z.string() }), output: z.object({ id: z.string() }), errors: { SOLD_OUT: z.object({ sku: z.string() }) } }),
  moved: event({ subject: "orders.{region}.moved", data: z.object({ id: z.string() }) }),
  ship: task({ data: z.object({ id: z.string() }) }),
});
`;

/** Mistakes people make, each a file of its own. */
const MISTAKES: Readonly<Record<string, string>> = {
  "wrong-input": "class A { @Handler(Orders.place) place(_input: { sku: number }) { return { id: '' }; } }",
  "wrong-result": "class A { @Handler(Orders.place) place(_input: { sku: string }) { return { ID: '' }; } }",
  "wrong-name": "class A { @Handler(Orders.place) placeIt(_input: { sku: string }) { return { id: '' }; } }",
  "missing-method": "@Service(Orders) class A {}",
  "undeclared-error":
    "class A { @Handler(Orders.place) place(_input: { sku: string }, ctx: HandlerContext<typeof Orders.place>) { ctx.error('GONE', {}); return { id: '' }; } }",
  "missing-parameter": "const app = await createApp(); await app.emit(Orders.moved, { id: '1' });",
  "wrong-call": "const app = await createApp(); await app.client(Orders).place({ sku: 1 });",
  "unknown-endpoint": "const app = await createApp(); app.client(Orders).ship;",
  "batch-without-array": "class A { @Subscriber(Orders.moved, { batch: 10 }) on(_event: { id: string }) {} }",
  "wrong-duration":
    "const app = await createApp(); await app.client(Orders).place({ sku: 'a' }, { timeout: '2sec' });",
};

it("the compiler's words about common mistakes stay readable", async () => {
  const files = Object.fromEntries(
    Object.entries(MISTAKES).map(([name, code]) => [`${name}.ts`, `${CONTRACT}${code}\nexport {};\n`]),
  );
  await using folder = await CompiledFolder.create(files);
  const output = await folder.compile();
  const messages = Object.keys(MISTAKES).map((name) => {
    const lines = output.split("\n");
    const first = lines.findIndex((line) => line.startsWith(`${name}.ts(`));
    if (first === -1) return `${name}: COMPILES`;
    const next = lines.findIndex((line, index) => index > first && !line.startsWith(" "));
    // The first line and the innermost reason: what an editor shows first and last.
    const reasons = lines.slice(first, next).map((line) => line.trim());
    const head = reasons[0]?.replace(/^[^:]+: /, "") ?? "";
    const tail = reasons.length > 1 ? ` … ${reasons.at(-1)}` : "";
    return `${name}: ${head}${tail}`;
  });
  expect(`\n${messages.join("\n")}\n`).toMatchSnapshot();
}, 60_000);

/** A contract with so many endpoints, its service, and a call of each. */
function endpointsSource(count: number): string {
  const names = Array.from({ length: count }, (_, index) => `endpoint${index}`);
  const schema =
    "z.object({ a: z.string(), b: z.number().default(1), c: z.array(z.object({ d: z.boolean() })) })";
  return `import { contract, createApp, Handler, rpc, Service } from "@ganglion/core";
import type { HandlerContext, In } from "@ganglion/core";
import * as z from "zod";
export const Big = contract("big", { version: "1.0.0",
${names.map((name) => `  ${name}: rpc({ input: ${schema}, output: z.object({ ok: z.boolean() }), errors: { E: z.string() } }),`).join("\n")}
});
@Service(Big) export class BigService {
${names.map((name) => `  @Handler(Big.${name}) async ${name}(input: In<typeof Big.${name}>, ctx: HandlerContext<typeof Big.${name}>) { if (input.b > 9) throw ctx.error("E", "x"); return { ok: true }; }`).join("\n")}
}
export async function use() {
  const client = (await createApp()).client(Big);
${names.map((name) => `  await client.${name}({ a: "x", c: [] });`).join("\n")}
}
`;
}

/** Type instantiations a source costs: what checking time depends on, and the same on every machine. */
async function instantiations(source: string): Promise<number> {
  await using folder = await CompiledFolder.create({ "big.ts": source });
  const output = await folder.compile({}, "--extendedDiagnostics", "--singleThreaded");
  expect(output).not.toContain("error TS");
  return Number(/Instantiations:\s+(\d+)/.exec(output)?.[1]);
}

it("what the compiler does for an endpoint does not grow with their number", async () => {
  const none = await instantiations(`import "@ganglion/core";\nimport "zod";\n`);
  const few = await instantiations(endpointsSource(20));
  const many = await instantiations(endpointsSource(200));
  const eachOfFew = (few - none) / 20;
  const eachOfMany = (many - none) / 200;
  expect(eachOfFew).toBeGreaterThan(100);
  expect(eachOfMany).toBeLessThan(eachOfFew * 1.2);
  // One costs about 1,350 now.
  expect(eachOfMany).toBeLessThan(4_000);
}, 120_000);

it("the same classes work with standard decorators", async () => {
  const source = `${CONTRACT}
import { inject, token, Use, type Middleware } from "@ganglion/core";
const Greeting = token<string>("Greeting");
const loud: Middleware = async (_delivery, next) => { const { id } = (await next()) as { id: string }; return { id: id.toUpperCase() }; };
const seen: string[] = [];
@Service(Orders)
class OrdersService {
  private readonly greeting = inject(Greeting);
  @Use(loud)
  @Handler(Orders.place) async place(input: In<typeof Orders.place>, ctx: HandlerContext<typeof Orders.place>) {
    if (input.sku === "") throw ctx.error("SOLD_OUT", { sku: "" });
    await ctx.emit(Orders.moved, { id: input.sku }, { params: { region: "eu" } });
    return { id: \`\${this.greeting} \${input.sku}\` };
  }
  @Subscriber(Orders.moved) onMoved(event: DataOut<typeof Orders.moved>, ctx: EventContext<typeof Orders.moved>) {
    seen.push(\`\${event.id} in \${ctx.params.region}\`);
  }
}
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const app = await createApp({ services: [OrdersService], providers: [{ provide: Greeting, useValue: "hello" }], logger: silent });
await app.start();
const { id } = await app.client(Orders).place({ sku: "a" });
while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
await app.stop();
console.log(JSON.stringify({ id, seen }));
`;
  await using folder = await CompiledFolder.create({ "service.ts": source });
  expect(
    await folder.compile({
      experimentalDecorators: false,
      lib: ["es2023", "esnext.disposable", "esnext.decorators"],
      noEmit: false,
      customConditions: [],
    }),
  ).toBe("");
  await using broker = await startTestBroker({ kind: "nats-server" });
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder.path, "service.js")], {
    env: { ...process.env, NATS_URL: broker.url },
  });
  expect(JSON.parse(stdout)).toEqual({ id: "HELLO A", seen: ["a in eu"] });
}, 60_000);
