import type { LogFields, Logger } from "@ganglion/kernel";
import type { BrokerConfig } from "../config/schema.js";
import { LogFile, writeAll } from "./log-file.js";

/** What the log of the command shows, and where. */
export type LogSettings = Pick<
  BrokerConfig,
  "logFile" | "logTime" | "logTimeUtc" | "logSizeLimitBytes" | "logMaxFiles" | "debug"
>;

const STDERR = 2;

/** The log in nats-server's form: `[pid] 2026/01/31 12:00:00.000000 [INF] text`. Lines are written before the call returns. */
export class CommandLog implements Logger {
  private file: LogFile | undefined;

  /** @throws Error of the file system when the file cannot be opened. */
  constructor(private settings: LogSettings) {
    this.file = this.open(settings);
  }

  debug(message: string, fields?: LogFields): void {
    if (this.settings.debug) this.write("DBG", message, fields);
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
    if (this.file === undefined) {
      this.info("File log re-open ignored, not a file logger");
      return;
    }
    this.file.reopen();
    this.info("File log re-opened");
  }

  /** Goes on with other settings. @throws Error of the file system when the new file cannot be opened. */
  configure(settings: LogSettings): void {
    const next = this.open(settings);
    this.file?.close();
    this.file = next;
    this.settings = settings;
  }

  private open({ logFile, logSizeLimitBytes = 0, logMaxFiles = 0 }: LogSettings): LogFile | undefined {
    if (!logFile) return undefined;
    const rotation = { sizeLimitBytes: logSizeLimitBytes, maxFiles: logMaxFiles };
    return new LogFile(logFile, rotation, (backup) =>
      this.line("INF", `Rotated log, backup saved as ${JSON.stringify(backup)}`),
    );
  }

  private write(level: string, message: string, fields: LogFields = {}): void {
    const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${format(value)}`);
    const line = this.line(level, `${message}${rest.join("")}`);
    if (this.file === undefined) writeAll(STDERR, line);
    else this.file.append(line);
  }

  private line(level: string, text: string): string {
    const { logTime = true, logTimeUtc = false } = this.settings;
    const time = logTime ? ` ${timestamp(new Date(), logTimeUtc)}` : "";
    return `[${process.pid}]${time} [${level}] ${text}\n`;
  }
}

function format(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Node's clock has milliseconds; the zeros keep the lines in nats-server's columns. */
function timestamp(date: Date, isUtc: boolean): string {
  // The fields of UTC are those of the local time of somebody whose clock is off by the offset.
  const local = isUtc ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return `${local.toISOString().slice(0, 23).replaceAll("-", "/").replace("T", " ")}000`;
}
