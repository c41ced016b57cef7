import { GanglionError, isGanglionError, type LogFields, type Logger } from "@ganglion/kernel";
import type { BrokerEventMap, BrokerEventName } from "../events/broker-events.js";
import type { BrokerOptions } from "../options.js";

/** What a thread starts with. */
export interface ThreadStart {
  /** Those of the caller that can be copied into the thread. */
  readonly options: BrokerOptions;
  /** Whether somebody wants log and trace lines. */
  readonly logs: boolean;
  readonly traces: boolean;
}

/** What never changes about a broker that runs. */
export interface ThreadFacts {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly serverId: string;
  readonly serverName: string;
  readonly monitoringUrl: string | undefined;
  readonly websocketUrl: string | undefined;
}

/** A method that is called in the thread. */
export type ThreadMethod = "statistics" | "reload" | "lameDuck" | "close";

/** From the caller to the thread. */
export interface ThreadCall {
  readonly id: number;
  readonly method: ThreadMethod;
  readonly argument?: unknown;
}

export type LogLevel = Exclude<keyof Logger, "child">;

/** From the thread to the caller. */
export type ThreadMessage =
  | { readonly kind: "ready"; readonly facts: ThreadFacts }
  | { readonly kind: "failed"; readonly error: CopiedError }
  | { readonly kind: "answer"; readonly id: number; readonly value?: unknown; readonly error?: CopiedError }
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: LogFields | undefined;
    }
  | { readonly kind: "trace"; readonly line: string }
  | {
      readonly kind: "event";
      readonly name: BrokerEventName;
      readonly event: BrokerEventMap[BrokerEventName];
    };

/** An error in a form that can be copied between threads: structured clones forget the class. */
export interface CopiedError {
  readonly message: string;
  readonly code?: string;
  readonly retryable?: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function copyError(error: unknown): CopiedError {
  if (!isGanglionError(error)) return { message: error instanceof Error ? error.message : String(error) };
  const { message, code, retryable, details } = error;
  return { message, code, retryable, details };
}

/** The error again. @param fallbackCode - for what was no error of Ganglion. */
export function restoreError(copied: CopiedError, fallbackCode: string): GanglionError {
  const { message, code = fallbackCode, retryable = false, details = {} } = copied;
  return new GanglionError(code, message, { retryable, details });
}
