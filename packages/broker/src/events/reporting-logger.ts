import type { LogFields, Logger } from "@ganglion/kernel";

/** A logger that also reports errors that carry an exception: those of the background, which nobody catches. */
export function reportingLogger(
  logger: Logger,
  report: (failure: { readonly message: string; readonly error: unknown }) => void,
): Logger {
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => logger.info(message, fields),
    warn: (message, fields) => logger.warn(message, fields),
    error: (message: string, fields?: LogFields) => {
      logger.error(message, fields);
      if (fields?.error !== undefined) report({ message, error: fields.error });
    },
    child: (fields) => reportingLogger(logger.child(fields), report),
  };
}
