import type { NatsEndpoint } from "@ganglion/kernel";

/** The brokers a test can run on, in the order suites run on them. */
export const TEST_BROKER_KINDS = ["embedded", "nats-server", "broker-process", "container"] as const;

/**
 * - `embedded`: the Ganglion broker inside the test process;
 * - `nats-server`: the executable of that name on the PATH;
 * - `broker-process`: the Ganglion broker's executable as a process of its own, which can be killed;
 * - `container`: nats-server in a container, through testcontainers.
 */
export type TestBrokerKind = (typeof TEST_BROKER_KINDS)[number];

/** What `startTestBroker` takes. */
export interface TestBrokerOptions {
  /** @default the environment variable `GANGLION_TEST_BROKER`, or `embedded` */
  readonly kind?: TestBrokerKind;
  /** Whether streams are available. @default true */
  readonly jetstream?: boolean;
  /** Where streams are kept; it stays after `close()`. @default a temporary directory */
  readonly storeDir?: string;
  /**
   * Further settings in the syntax of nats-server's configuration file; port and store are set by the fixture.
   */
  readonly config?: string;
}

/** How {@link TestBroker.restart} ends the running broker. */
export interface RestartOptions {
  /** `SIGTERM` lets it shut down in order, `SIGKILL` gives it no chance to. @default "SIGTERM" */
  readonly signal?: "SIGTERM" | "SIGKILL";
}

/** A broker that runs for one test or suite. */
export interface TestBroker extends NatsEndpoint {
  readonly kind: TestBrokerKind;
  /** Address for clients, such as `nats://127.0.0.1:40123`. It stays the same over restarts. */
  readonly url: string;
  /** Address of the monitoring server, when the configuration has one; a container's is not told. */
  readonly monitoringUrl?: string | undefined;
  /** Address for WebSocket clients, when the configuration has one; a container's is not told. */
  readonly websocketUrl?: string | undefined;
  /** The process it runs in; undefined when that is the test's own, or a container. It changes with a restart. */
  readonly pid?: number | undefined;
  /** The host's directory that holds the streams; undefined for a container, which keeps them inside. */
  readonly storeDir: string | undefined;
  /**
   * Ends the broker and starts it again with the same address and store. After {@link kill} it only starts it.
   *
   * @throws GanglionError `TEST_BROKER_UNSUPPORTED` for `SIGKILL` and kind `embedded`.
   */
  restart(options?: RestartOptions): Promise<void>;
  /**
   * Ends the broker with SIGKILL and leaves it down. Returns once it is gone.
   *
   * @throws GanglionError `TEST_BROKER_UNSUPPORTED` for kind `embedded`: it would end the test with it.
   */
  kill(): Promise<void>;
}

/** The options with everything decided, as the fixtures take them. */
export interface ResolvedTestBrokerOptions {
  readonly jetstream: boolean;
  readonly storeDir: string | undefined;
  readonly config: string | undefined;
}
