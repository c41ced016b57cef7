import { testApp, waitFor } from "@ganglion/testing";
import { expect, it } from "vitest";
import { Greetings } from "../src/contract.js";
import { GreetingsService } from "../src/greetings-service.js";
import { GuestBook } from "../src/guest-book.js";

it("greets, and the guest book hears of it", async () => {
  await using test = await testApp({ services: [GreetingsService], providers: [GuestBook] });
  const client = test.app.client(Greetings);
  expect(await client.greet({ name: "Ada" })).toEqual({ message: "Hello, Ada!" });
  await waitFor(() => test.app.get(GuestBook).countOf("Ada") === 1);
});

it("refuses a guest with a typed error", async () => {
  await using test = await testApp({ services: [GreetingsService], providers: [GuestBook] });
  const result = await test.app.client(Greetings).greet.safe({ name: "Mallory" });
  expect(result).toMatchObject({ ok: false, error: { code: "NOT_WELCOME", data: { name: "Mallory" } } });
});
