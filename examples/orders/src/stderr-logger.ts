import type { LogFields, Logger } from "@ganglion/kernel";

/** Writes warnings and errors to standard error, so that standard output belongs to the report. */
export function stderrLogger(bound: LogFields = {}): Logger {
  const write = (level: string, message: string, fields: LogFields = {}) => {
    const all = Object.entries({ ...bound, ...fields }).map(([name, value]) => `${name}=${show(value)}`);
    process.stderr.write(`${level} ${message} ${all.join(" ")}\n`);
  };
  return {
    debug: () => {},
    info: () => {},
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    child: (fields) => stderrLogger({ ...bound, ...fields }),
  };
}

function show(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : String(JSON.stringify(value));
}
