import { expect, onTestFinished, test } from "vitest";
import { RawClient } from "../../../../test/support/raw-client.js";
import { startBroker } from "../broker.js";
import { prometheusText } from "./prometheus-text.js";

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)$/;

interface Parsed {
  readonly type: string;
  readonly help: string;
  readonly samples: Readonly<Record<string, number>>;
}

/** Reads the text format strictly: HELP and TYPE come once, right before their samples. */
function parse(text: string): Record<string, Parsed> {
  const found: Record<string, { type: string; help: string; samples: Record<string, number> }> = {};
  const lines = text.split("\n");
  expect(lines.pop()).toBe("");
  let current = "";
  for (const line of lines) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      expect(found).not.toHaveProperty(name);
      current = name;
      found[name] = { type: "", help: rest, samples: {} };
    } else if (keyword === "TYPE") {
      expect(name).toBe(current);
      (found[name] ?? expect.fail(line)).type = rest;
    } else {
      const [, sampleName = "", labels = "", value = ""] = SAMPLE.exec(line) ?? expect.fail(line);
      expect(sampleName).toBe(current);
      expect(value === "+Inf" || Number.isFinite(Number(value))).toBe(true);
      (found[sampleName] ?? expect.fail(line)).samples[labels] = Number(value.replace("+Inf", "Infinity"));
    }
  }
  return found;
}

test("prometheusText escapes label values and leaves out metrics without samples", () => {
  const labels = { stream: 'a"b\\c\nd' };
  const text = prometheusText([
    {
      name: "a",
      help: "x\ny",
      type: "gauge",
      samples: [{ labels, value: 1 }, { value: Number.POSITIVE_INFINITY }],
    },
    { name: "b", help: "none", type: "counter", samples: [] },
  ]);
  expect(text).toBe('# HELP a x\\ny\n# TYPE a gauge\na{stream="a\\"b\\\\c\\nd"} 1\na +Inf\n');
  expect(Object.keys(parse(text))).toEqual(["a"]);
});

test("/metrics is valid, names its counters _total, and counts what happened", async () => {
  const broker = await startBroker({ httpPort: -1, jetstream: true, maxConnections: -1 });
  onTestFinished(() => broker.close());
  const client = await RawClient.open(broker.url);
  onTestFinished(() => client.close());
  const config = '{"name":"S","subjects":["s"],"storage":"memory","retention":"limits","num_replicas":1}';
  const durable = '{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit"}}';
  client.send(`CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\nSUB in 1\r\nPUB in 3\r\nabc\r\n`);
  client.send(`PUB $JS.API.STREAM.CREATE.S in ${config.length}\r\n${config}\r\n`);
  await client.until(/stream_create_response/);
  client.send(
    `PUB s 2\r\nhi\r\nPUB $JS.API.CONSUMER.DURABLE.CREATE.S.C in ${durable.length}\r\n${durable}\r\n`,
  );
  await client.until(/consumer_create_response/);

  const answer = await fetch(`${broker.monitoringUrl}/metrics`);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const metrics = parse(await answer.text());
  for (const [name, { type, help, samples }] of Object.entries(metrics)) {
    expect([name, type]).toEqual([name, name.endsWith("_total") ? "counter" : "gauge"]);
    expect(help).toMatch(/\.$|always 1/);
    expect(Object.keys(samples).length).toBeGreaterThan(0);
  }
  const consumer = 'account="$G",stream="S",consumer="C"';
  expect(metrics).toMatchObject({
    ganglion_broker_connections: { samples: { "": 1 } },
    ganglion_broker_max_connections: { samples: { "": Number.POSITIVE_INFINITY } },
    ganglion_broker_received_messages_total: { samples: { "": 4 } },
    ganglion_broker_healthy: { samples: { "": 1 } },
    ganglion_account_connections: { samples: { 'account="$G"': 1, 'account="$SYS"': 0 } },
    ganglion_stream_messages: { samples: { 'account="$G",stream="S"': 1 } },
    ganglion_consumer_pending_messages: { samples: { [consumer]: 1 } },
    ganglion_jetstream_api_requests_total: { samples: { "": 2 } },
  });
});
