import { createServer } from "node:net";
import { testingError } from "../errors.js";
import type { ResolvedTestBrokerOptions, RestartOptions, TestBroker } from "../test-broker.js";

/** A container to be made; what {@link startContainerBroker} needs of a container library. */
export interface ContainerRequest {
  readonly image: string;
  readonly command: readonly string[];
  /** Port of 127.0.0.1 on the host that leads to `port` in the container. */
  readonly hostPort: number;
  readonly port: number;
  /** A line of the container's log that says it is ready. */
  readonly readyLine: RegExp;
  /** Files to put into the container before it starts. */
  readonly files: readonly { readonly content: string; readonly target: string }[];
  /** A directory of the host to be seen in the container. */
  readonly mount: { readonly source: string; readonly target: string } | undefined;
}

/** A container that was started. */
export interface RunningContainer {
  /** Name or address of the host its ports are on. */
  readonly host: string;
  /** Ends its process with SIGTERM, after `graceMs` milliseconds with SIGKILL; the container stays. */
  stop(graceMs: number): Promise<void>;
  /** Starts the stopped container again and waits until it is ready. */
  start(): Promise<void>;
  /** Removes the container, whatever state it is in. */
  remove(): Promise<void>;
}

/** Port to a container library, so that the fixture can be tested without one. */
export interface ContainerRuntime {
  start(request: ContainerRequest): Promise<RunningContainer>;
}

const DEFAULT_IMAGE = "nats:2.12-alpine";
const CLIENT_PORT = 4222;
const STORE_TARGET = "/data";
const CONFIG_TARGET = "/etc/ganglion-test.conf";
const STOP_GRACE_MS = 10_000;

/**
 * Starts nats-server in a container. `GANGLION_TEST_NATS_IMAGE` names another image than `nats:2.12-alpine`.
 *
 * @param runtime - the container library. @default testcontainers, loaded when it is needed
 * @throws GanglionError `TEST_BROKER_UNAVAILABLE` when the container cannot be started.
 */
export async function startContainerBroker(
  options: ResolvedTestBrokerOptions,
  runtime?: ContainerRuntime,
): Promise<TestBroker> {
  const request = await containerRequest(options);
  try {
    const used = runtime ?? (await import("./testcontainers-runtime.js")).testcontainersRuntime;
    return new ContainerBroker(await used.start(request), request.hostPort, options.storeDir);
  } catch (cause) {
    throw testingError("TEST_BROKER_UNAVAILABLE", `The container ${request.image} cannot be started`, {
      cause,
      details: { image: request.image },
    });
  }
}

async function containerRequest(options: ResolvedTestBrokerOptions): Promise<ContainerRequest> {
  const command = ["-p", String(CLIENT_PORT)];
  if (options.jetstream) command.push("-js", "-sd", STORE_TARGET);
  if (options.config !== undefined) command.push("-c", CONFIG_TARGET);
  return {
    image: process.env.GANGLION_TEST_NATS_IMAGE || DEFAULT_IMAGE,
    command,
    port: CLIENT_PORT,
    hostPort: await freePort(), // a fixed port, since a random one changes with each restart
    readyLine: /Server is ready/,
    files: options.config === undefined ? [] : [{ content: options.config, target: CONFIG_TARGET }],
    mount: options.storeDir === undefined ? undefined : { source: options.storeDir, target: STORE_TARGET },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

class ContainerBroker implements TestBroker {
  readonly kind = "container";
  readonly url: string;
  private up = true;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly container: RunningContainer,
    port: number,
    readonly storeDir: string | undefined,
  ) {
    this.url = `nats://${container.host}:${port}`;
  }

  get servers(): readonly string[] {
    return [this.url];
  }

  async restart(options: RestartOptions = {}): Promise<void> {
    await this.stop(options.signal === "SIGKILL" ? 0 : STOP_GRACE_MS);
    await this.container.start();
    this.up = true;
  }

  kill(): Promise<void> {
    return this.stop(0);
  }

  close(): Promise<void> {
    this.closing ??= this.container.remove();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async stop(graceMs: number): Promise<void> {
    if (!this.up) return;
    this.up = false;
    await this.container.stop(graceMs);
  }
}
