import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/** Codes of the errors this package throws. */
export type TestingErrorCode =
  /** The broker that was asked for cannot run here: not installed, not built, no Docker. */
  | "TEST_BROKER_UNAVAILABLE"
  /** The broker was started and did not become ready. */
  | "TEST_BROKER_START_FAILED"
  /** This kind of broker cannot do what was asked, such as being killed inside the test process. */
  | "TEST_BROKER_UNSUPPORTED"
  /** `GANGLION_TEST_BROKER` or an option names no kind of broker. */
  | "TEST_BROKER_UNKNOWN_KIND"
  /** {@link waitFor} gave up. */
  | "WAIT_TIMEOUT";

/** Creates a {@link GanglionError} of this package. */
export function testingError(
  code: TestingErrorCode,
  message: string,
  options?: GanglionErrorOptions,
): GanglionError<TestingErrorCode> {
  return new GanglionError(code, message, options);
}
