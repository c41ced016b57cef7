import { expect, it } from "vitest";
import { waitFor } from "./wait-for.js";

it("waitFor returns the first truthy value", async () => {
  let looks = 0;
  expect(await waitFor(() => (++looks >= 3 ? `look ${looks}` : undefined), { intervalMs: 1 })).toBe("look 3");
});

it("waitFor takes an exception for not yet", async () => {
  let looks = 0;
  const value = await waitFor(
    async () => {
      looks += 1;
      expect(looks).toBe(2);
      return true;
    },
    { intervalMs: 1 },
  );
  expect(value).toBe(true);
});

it("waitFor gives up with what it waited for and the last value", async () => {
  await expect(waitFor(() => 0, { timeoutMs: 5, intervalMs: 1, what: "a number" })).rejects.toMatchObject({
    code: "WAIT_TIMEOUT",
    message: "Waited 5 ms for a number: the last value was 0",
  });
});

it("waitFor keeps the last exception as the cause", async () => {
  const cause = new TypeError("not there");
  const wait = waitFor(() => Promise.reject(cause), { timeoutMs: 1, intervalMs: 1 });
  await expect(wait).rejects.toMatchObject({ code: "WAIT_TIMEOUT", cause });
  await expect(wait).rejects.toThrow("it threw TypeError: not there");
});

it("waitFor ends with the reason of its signal", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const wait = waitFor(() => controller.abort(reason), { signal: controller.signal, intervalMs: 1 });
  await expect(wait).rejects.toBe(reason);
});
