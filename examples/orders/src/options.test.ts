import { describe, expect, it } from "vitest";
import { parseOptions } from "./options.js";

describe("parseOptions", () => {
  it("has a default for everything", () => {
    expect(parseOptions([])).toEqual({
      options: {
        once: false,
        json: false,
        url: undefined,
        store: ".ganglion/orders",
        otlp: undefined,
        orders: 20,
      },
    });
  });

  it.each([
    [["--orders", "0"], { orders: 0 }],
    [["--once", "--json"], { once: true, json: true }],
    [["--url", "nats://127.0.0.1:4222"], { url: "nats://127.0.0.1:4222" }],
    [
      ["--store", "/tmp/x", "--otlp=http://127.0.0.1:4318"],
      { store: "/tmp/x", otlp: "http://127.0.0.1:4318" },
    ],
  ])("reads %j", (args, expected) => {
    expect(parseOptions(args)).toMatchObject({ options: expected });
  });

  it.each([
    [["--orders", "many"], "--orders many: use a whole number"],
    [["--orders", "100001"], "--orders 100001"],
    [["--url", "127.0.0.1:4222"], "--url 127.0.0.1:4222"],
    [["--otlp", "nats://x"], "--otlp nats://x"],
    [["--store", ""], "--store: name a directory"],
    [["--nonsense"], "--nonsense"],
    [["extra"], "extra"],
    [["--orders"], "--orders"],
  ])("refuses %j with exit status 2", (args, message) => {
    expect(parseOptions(args)).toMatchObject({ exitCode: 2, text: expect.stringContaining(message) });
  });

  it("names every fault at once", () => {
    const parsed = parseOptions(["--orders", "x", "--otlp", "y"]);
    expect(parsed).toMatchObject({ text: expect.stringMatching(/--orders x[\s\S]*--otlp y/) });
  });

  it("shows the usage on --help", () => {
    expect(parseOptions(["--help"])).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("--store DIR"),
    });
  });
});
