/** Codes the kernel itself throws, with what they mean. Every package has such a table; codes are never reused. */
export const KERNEL_ERRORS = {
  ABORTED: "The caller's signal was aborted before the operation finished.",
  INVALID_DURATION: "A duration is not a number of milliseconds or a number with a unit.",
  UNREACHABLE: "A value outside its type reached a decision. This is a defect of Ganglion.",
} as const;

/** Options every {@link GanglionError} accepts beside its code and message. */
export interface GanglionErrorOptions {
  /** Whether the same operation may succeed when tried again unchanged. @default false */
  readonly retryable?: boolean;
  /** JSON-safe facts about the failure: names, limits, received values. @default {} */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The error that caused this one. */
  readonly cause?: unknown;
}

/**
 * Base class of every error Ganglion throws. Recognise an error by its `code`, never by its message.
 *
 * @typeParam Code - the literal union of codes of the package that throws it.
 */
export class GanglionError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: GanglionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GanglionError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = Object.freeze({ ...options.details });
  }
}

/** Tells whether `error` is a {@link GanglionError}, and with `code` given, one of that code. */
export function isGanglionError<Code extends string>(
  error: unknown,
  code?: Code,
): error is GanglionError<Code> {
  return error instanceof GanglionError && (code === undefined || error.code === code);
}
