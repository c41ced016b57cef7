import { expect, test } from "vitest";
import { parseFlags, usage } from "./flags.js";

test("parseFlags takes one dash or two, a value apart or attached", () => {
  expect(parseFlags(["-p", "4333", "--addr=127.0.0.1", "-n=me", "--store_dir", "/x", "-js"])).toEqual({
    port: 4333,
    host: "127.0.0.1",
    name: "me",
    storeDir: "/x",
    jetstream: true,
  });
  expect(parseFlags(["-p", "-1", "-T=false", "-DV", "--max_traced_msg_len=20"])).toEqual({
    port: -1,
    logTime: false,
    debugAndTrace: true,
    maxTracedMessageBytes: 20,
  });
});

test("parseFlags lets the last of a repeated flag count, and takes empty and odd values", () => {
  expect(parseFlags(["-p", "1", "--port=2", "--pass=a=b", "--user="])).toEqual({
    port: 2,
    pass: "a=b",
    user: "",
  });
  expect(parseFlags(["-l", "-x"])).toEqual({ logFile: "-x" });
});

test("parseFlags takes version and help as words too", () => {
  expect(parseFlags(["version"])).toEqual({ version: true });
  expect(parseFlags(["help"])).toEqual({ help: true });
});

test.each([
  [["-x"], "flag provided but not defined: -x"],
  [["--nope=1"], "flag provided but not defined: -nope"],
  [["--routes=nats://x"], "flag -routes is not supported: this broker does not join clusters"],
  [["--cluster", "nats://x"], "flag -cluster is not supported: this broker does not join clusters"],
  [["-s"], "flag -s is not supported: use --log, or let the service manager pass stderr on"],
  [["-p"], "flag needs an argument: -p"],
  [["-p", "x"], 'invalid value "x" for flag -p: use a number'],
  [["-js=maybe"], 'invalid value "maybe" for flag -js: use a boolean'],
  [["serve"], 'unrecognized command: "serve"'],
])("parseFlags refuses %j", (args, message) => {
  expect(() => parseFlags(args)).toThrow(expect.objectContaining({ code: "INVALID_FLAGS", message }));
});

test("usage names every flag that is understood", () => {
  for (const name of [
    "--addr",
    "--port",
    "-js",
    "--ports_file_dir",
    "--max_traced_msg_len",
    "--auth",
    "-DVV",
  ]) {
    expect(usage()).toContain(`${name}`);
  }
  expect(usage()).toMatch(/--routes <urls> +Not supported/);
});
