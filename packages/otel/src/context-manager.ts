import { context, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

const PROBE = createContextKey("ganglion.probe");

/**
 * Makes sure that an active context exists in this process, so that a span stays active across awaits.
 * A context manager that somebody registered before is kept.
 */
export function ensureContextManager(): void {
  const works = context.with(ROOT_CONTEXT.setValue(PROBE, true), () => context.active().getValue(PROBE));
  if (works !== true) context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}
