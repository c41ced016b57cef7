import { type App, type AppOptions, createApp } from "@ganglion/core";
import { type LogFields, type Logger, silentLogger } from "@ganglion/kernel";

/** A logger that keeps its lines. */
export class RecordingLogger implements Logger {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "debug", message, fields });
  }
  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }
  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }
  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }
  child(): Logger {
    return this;
  }
}

/** Creates and starts an app that does not log unless told to. */
export async function startApp(options: AppOptions): Promise<App> {
  const app = await createApp({ logger: silentLogger, stopTimeout: "5s", ...options });
  await app.start();
  return app;
}
