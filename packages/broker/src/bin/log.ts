import { closeSync, openSync, writeSync } from "node:fs";
import type { LogFields, Logger } from "@ganglion/kernel";

/** What the log of the command shows, and where. */
export interface LogOptions {
  /** File to append to. @default stderr */
  readonly file?: string | undefined;
  readonly timestamps: boolean;
  readonly debug: boolean;
}

const STDERR = 2;

/** The log in nats-server's form: `[pid] 2026/01/31 12:00:00.000000 [INF] text`. Lines are written before the call returns. */
export class CommandLog implements Logger {
  private descriptor: number;

  constructor(private readonly options: LogOptions) {
    this.descriptor = options.file === undefined ? STDERR : openSync(options.file, "a");
  }

  debug(message: string, fields?: LogFields): void {
    if (this.options.debug) this.write("DBG", message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.write("INF", message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.write("WRN", message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.write("ERR", message, fields);
  }
  fatal(message: string): void {
    this.write("FTL", message);
  }
  trace(line: string): void {
    this.write("TRC", line);
  }
  child(fields: LogFields): Logger {
    return {
      debug: (message, more) => this.debug(message, { ...fields, ...more }),
      info: (message, more) => this.info(message, { ...fields, ...more }),
      warn: (message, more) => this.warn(message, { ...fields, ...more }),
      error: (message, more) => this.error(message, { ...fields, ...more }),
      child: (more) => this.child({ ...fields, ...more }),
    };
  }

  /** Opens the file again, after log rotation has moved it. */
  reopen(): void {
    if (this.options.file === undefined) return;
    closeSync(this.descriptor);
    this.descriptor = openSync(this.options.file, "a");
  }

  private write(level: string, message: string, fields: LogFields = {}): void {
    const time = this.options.timestamps ? ` ${timestamp(new Date())}` : "";
    const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${format(value)}`);
    writeAll(this.descriptor, `[${process.pid}]${time} [${level}] ${message}${rest.join("")}\n`);
  }
}

/** Writes everything, also to a pipe whose reader is slow. */
function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      // A log nobody reads any more must not end the broker.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
}

function format(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Local time. Node's clock has milliseconds; the zeros keep the lines in nats-server's columns. */
function timestamp(date: Date): string {
  const pad = (value: number, digits = 2) => String(value).padStart(digits, "0");
  const day = `${date.getFullYear()}/${pad(date.getMonth() + 1)}/${pad(date.getDate())}`;
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return `${day} ${time}.${pad(date.getMilliseconds(), 3)}000`;
}
