import { expect, it, vi } from "vitest";
import { declareSuite, type SuiteApi } from "./describe-brokers.js";
import { availableBrokers, TEST_BROKER_KINDS } from "./index.js";

/** Notes what is declared; suites run at once, tests are kept. */
function recordingApi() {
  const declared: string[] = [];
  const tests: (() => void)[] = [];
  const api: SuiteApi = {
    describe: (name, suite) => {
      declared.push(`describe ${name}`);
      suite();
    },
    skip: (name) => void declared.push(`skip ${name}`),
    it: (name, test) => {
      declared.push(`it ${name}`);
      tests.push(test);
    },
  };
  return { api, declared, tests };
}

const missing = { kind: "nats-server", reason: "nats-server is not on the PATH" } as const;

it("a suite runs on a broker that is available", () => {
  const { api, declared } = recordingApi();
  const kinds: string[] = [];
  const suite = (_start: unknown, kind: string) => void kinds.push(kind);
  declareSuite({ name: "x", suite, broker: { kind: "embedded", reason: undefined }, required: true }, api);
  expect(declared).toEqual(["describe x on embedded"]);
  expect(kinds).toEqual(["embedded"]);
});

it("a suite on a missing broker is skipped with the reason, which is printed", () => {
  const { api, declared } = recordingApi();
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  declareSuite({ name: "x", suite: () => {}, broker: missing, required: false }, api);
  expect(declared).toEqual(["skip x on nats-server (nats-server is not on the PATH)"]);
  expect(warn.mock.calls).toEqual([["x: not run on nats-server: nats-server is not on the PATH"]]);
  warn.mockRestore();
});

it("a suite on a missing broker fails where brokers are required", () => {
  const { api, declared, tests } = recordingApi();
  declareSuite({ name: "x", suite: () => {}, broker: missing, required: true }, api);
  expect(declared).toEqual(["it x on nats-server"]);
  expect(tests[0]).toThrow("nats-server must be available where CI=true: nats-server is not on the PATH");
});

it("availableBrokers tells about every kind, with a reason for those that are missing", () => {
  const path = process.env.PATH;
  process.env.PATH = "";
  try {
    const brokers = availableBrokers();
    expect(brokers.map(({ kind }) => kind)).toEqual(TEST_BROKER_KINDS);
    expect(brokers).toContainEqual(missing);
    expect(brokers).toContainEqual({ kind: "embedded", reason: undefined });
  } finally {
    process.env.PATH = path;
  }
});
