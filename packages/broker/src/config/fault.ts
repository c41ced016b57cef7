import type { GanglionError } from "@ganglion/kernel";
import { type BrokerErrorCode, brokerError } from "../errors.js";
import { formatPosition, type Position } from "./document.js";

/** Something wrong in a configuration file. */
export interface ConfigFault {
  readonly at: Position;
  readonly message: string;
}

/** Writes a fault as `file:line:column: message`. */
export function formatFault({ at, message }: ConfigFault): string {
  return `${formatPosition(at)}: ${message}`;
}

/** An `INVALID_CONFIG` that tells all `faults`, one a line, and has them as `details.faults`. */
export function invalidConfig(faults: readonly ConfigFault[]): GanglionError<BrokerErrorCode> {
  return brokerError("INVALID_CONFIG", faults.map(formatFault).join("\n"), { details: { faults } });
}

/** The faults an {@link invalidConfig} error tells. */
export function faultsOf(error: GanglionError): readonly ConfigFault[] {
  return error.details.faults as readonly ConfigFault[]; // set by invalidConfig
}

/** A `CONFIG_UNREADABLE` for the file at `path`. */
export function unreadableConfig(path: string, cause: unknown): GanglionError<BrokerErrorCode> {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return brokerError("CONFIG_UNREADABLE", `Cannot read the configuration file "${path}": ${reason}`, {
    details: { path },
    cause,
  });
}
