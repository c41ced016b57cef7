import { describe, expect, it } from "vitest";
import { apiError } from "./api-error.js";
import { JETSTREAM_ERRORS } from "./error-codes.js";

describe("JETSTREAM_ERRORS", () => {
  it("holds each code once, in order and without a gap", () => {
    const codes = Object.values(JETSTREAM_ERRORS).map(([code]) => code);
    expect(codes).toEqual(Array.from({ length: 226 }, (_, index) => 10002 + index));
  });

  it("uses statuses of the kinds HTTP knows", () => {
    const statuses = new Set(Object.values(JETSTREAM_ERRORS).map(([, status]) => status));
    expect([...statuses].sort()).toEqual([400, 404, 409, 412, 429, 500, 503]);
  });
});

describe("apiError", () => {
  it("puts values into the description", () => {
    expect(apiError("StreamWrongLastSequence", { seq: 7 })).toEqual({
      code: 400,
      err_code: 10071,
      description: "wrong last sequence: 7",
    });
    expect(apiError("StreamInvalidConfig", { err: "a $& b" }).description).toBe("a $& b");
  });

  it("drops a placeholder that has no value together with its colon", () => {
    expect(apiError("InvalidJSON").description).toBe("invalid JSON");
  });
});
