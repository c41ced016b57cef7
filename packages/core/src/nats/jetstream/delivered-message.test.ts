import { describe, expect, it } from "vitest";
import { AckNumbers, deliveryCountOf } from "./delivered-message.js";

describe("AckNumbers", () => {
  const parse = (subject: string) => {
    const bytes = Buffer.from(`x ${subject} y`);
    const end = bytes.length - 2;
    return { ...new AckNumbers(bytes, 2, end), again: deliveryCountOf(bytes, 2, end) };
  };
  const numbers = {
    deliveryCount: 3,
    streamSequence: 120,
    consumerSequence: 150,
    timestampNs: 1_700_000_000_000_000_000,
    pending: 42,
    again: 3,
  };
  const text = "3.120.150.1700000000000000000.42";

  // Source: ADR-15.
  it.each([
    ["of servers without domains", `$JS.ACK.S.c.${text}`],
    ["with domain and account", `$JS.ACK.hub.ACC.S.c.${text}`],
    ["with a token behind", `$JS.ACK._.ACC.S.c.${text}.r4nd0m`],
    ["of names that are not ASCII", `$JS.ACK.größe.ç.${text}`],
  ])("reads the form %s", (_, subject) => {
    expect(parse(subject)).toEqual(numbers);
  });

  it.each(["", "$JS.ACK", "$JS.ACK.S.c", "a.b.c.d.e"])("reads 0 for what is missing in %j", (subject) => {
    expect(parse(subject)).toMatchObject({ deliveryCount: 0, streamSequence: 0, pending: 0, again: 0 });
  });
});
