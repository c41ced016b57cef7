import type { LogFields, Logger } from "@ganglion/kernel";
import { type Logger as Pino, pino, stdSerializers } from "pino";

/** Levels of the default logger. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** The default logger: a line of JSON for each message, to standard output. */
export function pinoLogger(level: LogLevel = "info", name = "ganglion"): Logger {
  return new PinoLogger(pino({ name, level, serializers: { error: stdSerializers.err } }));
}

class PinoLogger implements Logger {
  constructor(private readonly target: Pino) {}

  debug(message: string, fields: LogFields = {}): void {
    this.target.debug(fields, message);
  }
  info(message: string, fields: LogFields = {}): void {
    this.target.info(fields, message);
  }
  warn(message: string, fields: LogFields = {}): void {
    this.target.warn(fields, message);
  }
  error(message: string, fields: LogFields = {}): void {
    this.target.error(fields, message);
  }
  child(fields: LogFields): Logger {
    return new PinoLogger(this.target.child(fields));
  }
}
