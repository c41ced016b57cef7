import * as z from "zod";
import { coreError } from "../errors.js";
import type { NatsOptions } from "../nats/nats-options.js";
import type { LogLevel } from "./pino-logger.js";

/** What the environment says about an app. Code wins over it. */
export interface Environment {
  readonly nats: NatsOptions | undefined;
  readonly logLevel: LogLevel | undefined;
  readonly manage: "create" | "verify" | "off" | undefined;
}

const Variables = z.object({
  NATS_URL: z.string().min(1).optional(),
  NATS_CREDS: z.string().min(1).optional(),
  NATS_TLS_CA: z.string().min(1).optional(),
  NATS_TLS_CERT: z.string().min(1).optional(),
  NATS_TLS_KEY: z.string().min(1).optional(),
  GANGLION_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).optional(),
  GANGLION_MANAGE: z.enum(["create", "verify", "off"]).optional(),
});

/**
 * Reads `NATS_URL` (addresses, separated by commas), `NATS_CREDS` (path of a credentials file),
 * `NATS_TLS_CA`, `NATS_TLS_CERT`, `NATS_TLS_KEY` (paths of PEM files), `GANGLION_LOG_LEVEL`, `GANGLION_MANAGE`.
 *
 * @throws GanglionError `INVALID_OPTIONS`
 */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const given = Object.fromEntries(
    Object.keys(Variables.shape).map((name) => [name, env[name] || undefined]),
  );
  const checked = Variables.safeParse(given);
  if (!checked.success) {
    const faults = checked.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw coreError("INVALID_OPTIONS", `The environment has faults: ${faults.join("; ")}`, {
      details: { faults },
    });
  }
  const { NATS_URL, NATS_CREDS, GANGLION_LOG_LEVEL, GANGLION_MANAGE } = checked.data;
  const tls = tlsOf(checked.data);
  const nats: NatsOptions | undefined =
    NATS_URL === undefined
      ? undefined
      : {
          servers: NATS_URL,
          ...(NATS_CREDS !== undefined && { authentication: { credentialsFile: NATS_CREDS } }),
          ...(tls !== undefined && { tls }),
        };
  return { nats, logLevel: GANGLION_LOG_LEVEL, manage: GANGLION_MANAGE };
}

function tlsOf(variables: z.infer<typeof Variables>) {
  const { NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY } = variables;
  if (NATS_TLS_CA === undefined && NATS_TLS_CERT === undefined && NATS_TLS_KEY === undefined)
    return undefined;
  return {
    ...(NATS_TLS_CA !== undefined && { caFile: NATS_TLS_CA }),
    ...(NATS_TLS_CERT !== undefined && { certFile: NATS_TLS_CERT }),
    ...(NATS_TLS_KEY !== undefined && { keyFile: NATS_TLS_KEY }),
  };
}
