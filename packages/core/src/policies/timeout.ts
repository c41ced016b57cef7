import { type Duration, durationMs } from "@ganglion/kernel";
import { coreError } from "../errors.js";
import type { Policy } from "./policy.js";

/**
 * Gives one attempt less time than the whole operation has, so that `retry` before (outside of) it has time for
 * another: `use: [retry(), timeout("500ms")]`. Around calls, the service is told the shorter deadline; around a
 * method, the method goes on, and its result is dropped.
 *
 * @throws GanglionError `INVALID_OPTIONS`, `INVALID_DURATION`
 */
export function timeout(duration: Duration): Policy {
  const timeoutMs = durationMs(duration, "timeout");
  if (timeoutMs <= 0) throw coreError("INVALID_OPTIONS", `timeout: ${timeoutMs} ms, must be above 0`);
  return (operation, next) =>
    new Promise((resolve, reject) => {
      const { clock, service, method } = operation;
      const timer = clock.schedule(timeoutMs, () =>
        reject(
          coreError("TIMEOUT", `${service}.${method} took longer than ${timeoutMs} ms`, {
            details: { endpoint: `${service}.${method}`, timeoutMs },
          }),
        ),
      );
      next({ timeoutMs })
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
}
