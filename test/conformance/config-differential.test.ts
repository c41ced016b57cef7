import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatFault, loadBrokerConfig } from "@ganglion/broker";
import { brokerAvailability, type TempDirectory, tempDirectory } from "@ganglion/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Agreement, DIFFERENCES, ENVIRONMENT, GRAMMAR, INCLUDED, SCHEMA } from "./config-corpus.js";

/** For a few hundred starts of nats-server on a machine that is busy. */
const TIMEOUT_MS = 60_000;

/** What somebody thinks of a configuration. */
interface Verdict {
  readonly accepts: boolean;
  readonly messages: string;
}

/** The version the corpus tells the judgement of. */
const VERSION = "2.9.10";

const absent = brokerAvailability("nats-server").reason;
if (absent !== undefined && process.env.CI === "true") {
  throw new Error(`nats-server must be available where CI=true: ${absent}`);
}
const unavailable = absent ?? otherVersion();
if (unavailable !== undefined) console.warn(`configuration: not compared with nats-server: ${unavailable}`);

function otherVersion(): string | undefined {
  const found = execFileSync("nats-server", ["-v"], { encoding: "utf8" }).trim();
  return found.endsWith(`v${VERSION}`) ? undefined : `the corpus is for version ${VERSION}, here is ${found}`;
}

let directory: TempDirectory;
let fileCount = 0;

beforeAll(async () => {
  directory = await tempDirectory();
  for (const [name, text] of Object.entries(INCLUDED)) {
    mkdirSync(dirname(join(directory.path, name)), { recursive: true });
    writeFileSync(join(directory.path, name), text);
  }
});

afterAll(() => directory.remove());

function newFile(text: string): string {
  const path = join(directory.path, `${++fileCount}.conf`);
  writeFileSync(path, text);
  return path;
}

/** `nats-server -t`, which counts warnings as faults. */
function natsServer(path: string): Promise<Verdict> {
  const env = { ...process.env, ...ENVIRONMENT };
  return new Promise((resolve) => {
    execFile(
      "nats-server",
      ["-t", "-c", path],
      { env, cwd: directory.path, timeout: 10_000 },
      (error, stdout, stderr) => {
        resolve({ accepts: error === null, messages: stdout + stderr });
      },
    );
  });
}

function broker(path: string): Verdict {
  try {
    const world = { readFile: (name: string) => readFileSync(name, "utf8"), env: ENVIRONMENT };
    const { warnings } = loadBrokerConfig(path, world);
    return { accepts: warnings.length === 0, messages: warnings.map(formatFault).join("\n") };
  } catch (error) {
    return { accepts: false, messages: (error as Error).message };
  }
}

/** Both verdicts as a line each, for a readable difference. */
async function verdicts(texts: readonly string[]) {
  const found: { text: string; natsServer: string; broker: string }[] = [];
  for (const text of texts) {
    const path = newFile(text);
    const theirs = await natsServer(path);
    const ours = broker(path);
    const line = ({ accepts, messages }: Verdict) => (accepts ? "accepts" : `refuses: ${messages}`);
    found.push({ text, natsServer: line(theirs), broker: line(ours) });
  }
  return found;
}

const isRefusal = expect.stringMatching(/^refuses/);

describe.skipIf(unavailable !== undefined)(
  "a configuration is judged as nats-server -t judges it",
  { timeout: TIMEOUT_MS },
  () => {
    const both = (name: string, { accepted, refused }: Agreement) => {
      it(`${name}: both accept`, async () => {
        const expected = accepted.map((text) => ({ text, natsServer: "accepts", broker: "accepts" }));
        expect(await verdicts(accepted)).toEqual(expected);
      });
      it(`${name}: both refuse`, async () => {
        const expected = refused.map((text) => ({ text, natsServer: isRefusal, broker: isRefusal }));
        expect(await verdicts(refused)).toEqual(expected);
      });
    };
    both("grammar", GRAMMAR);
    both("schema", SCHEMA);

    it.each(Object.entries(DIFFERENCES))("but for %s", async (_, differences) => {
      const expected = differences.map(({ text, accepts }) => ({
        text,
        natsServer: accepts === "nats-server" ? "accepts" : isRefusal,
        broker: accepts === "broker" ? "accepts" : isRefusal,
      }));
      expect(await verdicts(differences.map(({ text }) => text))).toEqual(expected);
    });

    it("an unknown field is reported in the same words at the same place", async () => {
      // nats-server counts the columns of the first line from 0, so nothing is on it.
      for (const text of [
        "\nfoo: 1",
        "\n  cluster {\n\t\tport: 1, bar = 2 }",
        "\n\n tls { timeout: 1 }\n  baz [ 1 ]",
      ]) {
        const path = newFile(text);
        const { messages } = await natsServer(path);
        const [line] =
          /^\S+:\d+:\d+: unknown field "\w+"$/m.exec(messages.replace("nats-server: ", "")) ?? [];
        expect(line).toBeDefined();
        expect(broker(path).messages).toBe(line);
      }
    });
  },
);
