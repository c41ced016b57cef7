import { expect, it } from "vitest";
import { LazyAbort } from "./lazy-abort.js";

it("LazyAbort aborts a signal that was looked at before and one that is looked at later", () => {
  const abort = new LazyAbort();
  const { signal } = abort;
  abort.abort("enough");
  expect([signal.aborted, signal.reason, abort.aborted]).toEqual([true, "enough", true]);
  const late = new LazyAbort();
  late.abort("too late");
  expect(late.signal.reason).toBe("too late");
});

it("LazyAbort tells its listeners once, also those that come too late, and not those that left", () => {
  const abort = new LazyAbort();
  const heard: unknown[] = [];
  abort.onAbort((reason) => heard.push(["first", reason]));
  abort.onAbort(() => heard.push("gone"))();
  abort.abort(1);
  abort.abort(2);
  abort.onAbort((reason) => heard.push(["late", reason]));
  expect(heard).toEqual([
    ["first", 1],
    ["late", 1],
  ]);
});
