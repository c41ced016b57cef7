import { networkInterfaces } from "node:os";
import { connect } from "nats";
import { expect, test } from "vitest";
import { startBroker } from "../broker.js";
import { listenWhere, peerAddress } from "./wildcard-host.js";

test("listenWhere takes 0.0.0.0 for all addresses, and -1 for a free port", () => {
  expect(listenWhere("0.0.0.0", -1)).toEqual({ port: 0 });
  expect(listenWhere("127.0.0.1", 4222)).toEqual({ host: "127.0.0.1", port: 4222 });
});

test("peerAddress writes IPv4 as IPv4", () => {
  expect(peerAddress("::ffff:127.0.0.1")).toBe("127.0.0.1");
  expect(peerAddress("::1")).toBe("::1");
  expect(peerAddress()).toBe("");
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
);

test(`a broker on 0.0.0.0 is reached over IPv4${hasIpv6 ? " and IPv6" : "; this machine has no IPv6"}`, async () => {
  await using broker = await startBroker({ host: "0.0.0.0" });
  for (const host of hasIpv6 ? ["127.0.0.1", "[::1]"] : ["127.0.0.1"]) {
    const connection = await connect({ servers: `${host}:${broker.port}` });
    expect(connection.info).toMatchObject({ host: "0.0.0.0", client_ip: host.replace(/[[\]]/g, "") });
    await connection.close();
  }
});
