import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { TestOperator } from "../../auth/jwt/jwt-fixture.js";
import { MemoryResolver } from "./memory-resolver.js";
import { UrlResolver } from "./url-resolver.js";

const account = new TestOperator().account();
const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise<void>((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

it("asks for the key behind the address", async () => {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.url);
    response.end(`${account.token}\n`);
  });
  await using resolver = new UrlResolver({ url: `${url}/jwt/v1/accounts` });
  expect(await resolver.fetch(account.publicKey)).toBe(account.token);
  await using slashed = new UrlResolver({ url: `${url}/jwt/v1/accounts/` });
  await slashed.fetch(account.publicKey);
  expect(asked).toEqual(Array(2).fill(`/jwt/v1/accounts/${account.publicKey}`));
  expect(resolver.isWritable).toBe(false);
});

it("says why there is no answer, without the password of the address", async () => {
  const url = await serve((_, response) => response.writeHead(404).end("no such account"));
  await using resolver = new UrlResolver({ url: url.replace("//", "//me:secret@") });
  const fetching = resolver.fetch(account.publicKey);
  await expect(fetching).rejects.toMatchObject({ code: "ACCOUNT_UNRESOLVED", retryable: true });
  await expect(fetching).rejects.toThrow(/status 404/);
  await expect(fetching).rejects.not.toThrow(/secret/);
});

it("does not wait longer than its timeout, nor once it is closed", async () => {
  const url = await serve(() => {});
  await using slow = new UrlResolver({ url, timeoutMs: 30 });
  await expect(slow.fetch(account.publicKey)).rejects.toThrow("no answer within 30 ms");
  const resolver = new UrlResolver({ url, timeoutMs: 60_000 });
  const fetching = resolver.fetch(account.publicKey);
  await resolver[Symbol.asyncDispose]();
  await expect(fetching).rejects.toMatchObject({ code: "ACCOUNT_UNRESOLVED" });
});

it("does not read an answer without end", async () => {
  const url = await serve((_, response) => {
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
    };
    response.on("drain", more);
    more();
  });
  await using resolver = new UrlResolver({ url });
  await expect(resolver.fetch(account.publicKey)).rejects.toThrow("the answer is too large");
});

it("a MemoryResolver has what it was given", async () => {
  await using resolver = new MemoryResolver();
  expect(await resolver.fetch(account.publicKey)).toBeUndefined();
  await resolver.store(account.publicKey, account.token);
  expect(await resolver.fetch(account.publicKey)).toBe(account.token);
});
